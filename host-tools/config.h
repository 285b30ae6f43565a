/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/config.h
 * /etc/atoll/atoll.conf: which services there are and what their domains are like. INI, read by
 * libinih: a section a service, named as the service is; `[xenstored]`, `[switch]` and `[monitor]`
 * exist with defaults even where the file does not. Any other section is a service of the user's
 * own. atoll.conf(5).
 */
#ifndef ATOLL_CONFIG_H
#define ATOLL_CONFIG_H

#include "report.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The file, unless CONFIG_VARIABLE in the environment (`atoll --config FILE` sets it) names one.
 */
#define CONFIG_PATH         ATOLL_SYSCONF_DIR "/atoll/atoll.conf"
#define CONFIG_VARIABLE     "ATOLL_CONFIG"
#define CONFIG_FILE_MAX     (64u << 10)
#define CONFIG_CMDLINE_MAX  480u
#define CONFIG_SERVICES_MAX 32u
#define CONFIG_CPUS_MAX     256u
#define CONFIG_WATCHDOG_MAX 3600u

/** A service as the file and the defaults have it. Strings belong to the configuration. */
struct service_settings {
    char name[32];      /**< letters, digits and -_.+: the section, and the domain's name */
    char *summary;      /**< one line */
    char *kernel;       /**< `kernel`: path of the image */
    char *flask;        /**< `flask-label`, NULL: that of an ordinary guest */
    char *cmdline;      /**< `cmdline`: more for the service's command line, NULL: nothing */
    uint32_t memory_mb; /**< `memory`, MiB */
    uint32_t domid;     /**< `domid`, 0: any */
    bool has_cpus;      /**< `cpus` given: "1", "0-3,^2" */
    uint8_t cpus[CONFIG_CPUS_MAX / 8]; /**< the processors its vCPU may run on */
    uint32_t weight;                   /**< `weight` in Xen's scheduler, 0: Xen's own (256) */
    uint32_t timeout_s;                /**< `timeout`: seconds for the first answer */
    uint32_t watchdog_s;               /**< `watchdog`: seconds for a turn of its loop, 0: any */
    uint32_t recover; /**< `recover`: deaths in a row after which watchd gives up; 0: at once */
    uint32_t crash_reports; /**< `crash-reports`: how many are kept */
    uint32_t journal_kib;   /**< `journal`, KiB, whole pages; 0: none. On top of memory_mb */
    bool store_domain;      /**< it is the host's XenStore: only [xenstored] is */
    /** Of a switch, what joins it to the world: a NIC of dom0's ("": none), dom0's own bridge and
     * dom0's vif on the switch ("": names made of the service's), and more words for that vif. */
    char uplink[16], uplink_bridge[16], uplink_interface[16];
    char *uplink_vif; /**< as in xl's `vif`, "bridge=lan,vlan=10"; NULL: none */
};

struct config {
    const char *path; /**< the file that was read; NULL: defaults alone */
    struct service_settings services[CONFIG_SERVICES_MAX];
    unsigned count;
};

/**
 * Read @path; with NULL, the file that CONFIG_VARIABLE names, or CONFIG_PATH, which need not exist.
 * 0, or ATOLL_BAD_CONFIG with a line for the first error reported: "FILE:LINE: KEY: what is wrong".
 * @path must outlive @config. config_free() in either case.
 */
int config_read(struct report *r, const char *path, struct config *config);

/** As above, of @length bytes of text that came from @path. */
int config_parse(struct report *r, const char *path, const char *text, size_t length,
                 struct config *config);

void config_free(struct config *config);

/** The service @name, or NULL. */
const struct service_settings *config_find(const struct config *config, const char *name);

/** As config_find(), and ATOLL_USAGE reported with the names that there are. */
int config_require(struct report *r, const struct config *config, const char *name,
                   const struct service_settings **settings);

#endif
