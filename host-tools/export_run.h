/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/export_run.h
 * An export under way: the encoder, the collector, and what is lost between; fed with flows of a
 * service (export_live.c) or of a file (export_file.c).
 */
#ifndef ATOLL_EXPORT_RUN_H
#define ATOLL_EXPORT_RUN_H

#include "export_net.h"
#include "export_target.h"
#include "export_tls.h"
#include "ipfix.h"
#include "report.h"

/** What the command line says. */
struct export_options {
    struct export_target target;
    bool netflow9, biflow;
    uint32_t domain, refresh_s, mtu;
    struct export_tls_files tls;
    const char *file;    /**< -r; NULL: of a service */
    const char *service; /**< NULL: the monitor */
    unsigned verbose;
};

struct exporter {
    struct report *report;
    const struct export_options *options;
    struct export_tls_settings *tls;
    struct export_net *net;
    struct ipfix *ipfix;
    struct ipfix_losses losses; /**< those that are not the network's: what the source has lost */
    uint64_t flushed;           /**< when what was begun was sent last */
};

/** CLOCK_REALTIME in nanoseconds. */
uint64_t export_now(void);

/** Begin: @boot is what NetFlow's times count from. 0, or an exit code reported; export_end() in
 * either case. */
int export_begin(struct exporter *e, struct report *report, const struct export_options *options,
                 uint64_t boot);

/** Let the collector have what it takes, at @now: call it often. */
void export_step(struct exporter *e, uint64_t now);

/** All that was lost so far. */
void export_losses(const struct exporter *e, struct ipfix_losses *losses);

/** Read the certificates anew, and connect anew with them. */
void export_reload(struct exporter *e);

/** Send what is left, for some seconds at most; release all. */
void export_end(struct exporter *e, uint64_t now);

/** Send the flows of a service until interrupted; of a file. An exit code, errors reported. */
int export_live(const struct export_options *options);
int export_file(const struct export_options *options);

#endif
