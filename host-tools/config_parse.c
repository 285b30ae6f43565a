/* SPDX-License-Identifier: ISC */
#include "config.h"
#include "domain_builder.h"
#include "values.h"
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_S 10
#define DEFAULT_MEMORY_MB 8

/* A turn of a service's loop takes milliseconds; a host that stands still, such as in an update of
 * its microcode, no second. */
#define DEFAULT_WATCHDOG_S 5

#define DEFAULT_RECOVER       10
#define DEFAULT_CRASH_REPORTS 10
/* 16,000 nodes or so, twice; and what a journal may have. */
#define XENSTORED_JOURNAL_KIB 2048u
#define JOURNAL_KIB_MIN       64u
#define JOURNAL_KIB_MAX       65536u

/** The services that there are without a file. */
static const struct {
    const char *name, *summary, *kernel;
    bool store_domain;
    uint32_t memory_mb;
} builtin[] = {
    {"xenstored", "the XenStore of the host", ATOLL_SERVICE_DIR "/xenstored.elf", true,
     DEFAULT_MEMORY_MB},
    {"switch", "the network switch", ATOLL_SERVICE_DIR "/netback-switch.elf", false,
     DEFAULT_MEMORY_MB},
    /* As many flows as a host of some hundred guests has. */
    {"monitor", "the network monitor", ATOLL_SERVICE_DIR "/monitor.elf", false, 32},
};

enum key {
    KEY_KERNEL,
    KEY_MEMORY,
    KEY_DOMID,
    KEY_FLASK,
    KEY_CMDLINE,
    KEY_CPUS,
    KEY_WEIGHT,
    KEY_TIMEOUT,
    KEY_WATCHDOG,
    KEY_RECOVER,
    KEY_CRASHES,
    KEY_JOURNAL,
    KEY_SUMMARY,
    KEY_UPLINK,
    KEY_UPLINK_BRIDGE,
    KEY_UPLINK_INTERFACE,
    KEY_UPLINK_VIF,
    KEYS,
};

static const struct {
    const char *name, *expected;
} keys[KEYS] = {
    [KEY_KERNEL] = {"kernel", "a path from / on, of printable ASCII"},
    [KEY_MEMORY] = {"memory", "1 to 2048 (MiB)"},
    [KEY_DOMID] = {"domid", "1 to 32751"},
    [KEY_FLASK] = {"flask-label", "a FLASK label such as system_u:system_r:domU_t"},
    [KEY_CMDLINE] = {"cmdline", "printable ASCII"},
    [KEY_CPUS] = {"cpus", "a list of processors such as 0-3,^2, each below 256"},
    [KEY_WEIGHT] = {"weight", "1 to 65535"},
    [KEY_TIMEOUT] = {"timeout", "1 to 3600 (seconds)"},
    [KEY_WATCHDOG] = {"watchdog", "2 to 3600 (seconds), or 0 for none"},
    [KEY_RECOVER] = {"recover", "0 to 1000 (times in a row)"},
    [KEY_CRASHES] = {"crash-reports", "0 to 100"},
    [KEY_JOURNAL] = {"journal", "0 or 64 to 65536 (KiB), a multiple of 4"},
    [KEY_SUMMARY] = {"summary", "printable ASCII"},
    [KEY_UPLINK] = {"uplink", "the name of a network interface of dom0's"},
    [KEY_UPLINK_BRIDGE] = {"uplink-bridge", "a name for a Linux bridge"},
    [KEY_UPLINK_INTERFACE] = {"uplink-interface", "a name for a network interface"},
    [KEY_UPLINK_VIF] = {"uplink-vif", "words of xl's vif but backend, such as bridge=lan,vlan=10"},
};

/**
 * The text under way. inih splits the lines; sections are seen by the reader that gives it the
 * lines, because inih does not tell of empty ones and joins those of one name.
 */
struct parser {
    struct config *config;
    const char *text;
    size_t length, at;
    unsigned line;  /**< of the text that inih has been given last */
    unsigned error; /**< the line of the first error; 0: none */
    char what[512]; /**< and what it is */
    struct service_settings *section;
    unsigned section_line[CONFIG_SERVICES_MAX]; /**< 0: not in the file */
    unsigned key_line[CONFIG_SERVICES_MAX][KEYS];
};

static void wrong(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void wrong(struct parser *p, const char *fmt, ...)
{
    va_list ap;

    if (p->error)
        return;
    va_start(ap, fmt);
    vsnprintf(p->what, sizeof(p->what), fmt, ap);
    va_end(ap);
    p->error = p->line;
}

static unsigned index_of(const struct parser *p, const struct service_settings *settings)
{
    return (unsigned)(settings - p->config->services);
}

static struct service_settings *add_service(struct config *config, const char *name, size_t len)
{
    struct service_settings *settings = &config->services[config->count++];

    memcpy(settings->name, name, len);
    settings->memory_mb = DEFAULT_MEMORY_MB;
    settings->timeout_s = DEFAULT_TIMEOUT_S;
    settings->watchdog_s = DEFAULT_WATCHDOG_S;
    settings->recover = DEFAULT_RECOVER;
    settings->crash_reports = DEFAULT_CRASH_REPORTS;
    return settings;
}

static bool add_builtin(struct config *config)
{
    for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
        struct service_settings *settings =
            add_service(config, builtin[i].name, strlen(builtin[i].name));

        settings->summary = strdup(builtin[i].summary);
        settings->kernel = strdup(builtin[i].kernel);
        settings->store_domain = builtin[i].store_domain;
        settings->memory_mb = builtin[i].memory_mb;
        settings->journal_kib = builtin[i].store_domain ? XENSTORED_JOURNAL_KIB : 0;
        if (!settings->summary || !settings->kernel)
            return false;
    }
    return true;
}

/* "[name]" begins a section. */
static void begin_section(struct parser *p, const char *line, size_t len)
{
    const char *end = memchr(line, ']', len);
    char name[sizeof(p->section->name)] = "";
    size_t rest, name_len;

    if (!end) {
        wrong(p, "section: there is no ] to the [; expected [NAME]");
        return;
    }
    name_len = (size_t)(end - line) - 1;
    rest = (size_t)(end - line) + 1;
    while (rest < len && strchr(" \t\r", line[rest]))
        rest++;
    if (rest < len && line[rest] != ';' && line[rest] != '#') {
        wrong(p, "section: there is more behind the ]; expected [NAME] on a line of its own");
        return;
    }
    if (name_len < sizeof(name))
        memcpy(name, line + 1, name_len);
    if (!value_name(name, sizeof(name))) {
        wrong(p,
              "section: [%.*s] is no service's name; expected 1 to 31 letters, digits and -_.+, "
              "the first a letter or digit",
              (int)(name_len > 64 ? 64 : name_len), line + 1);
        return;
    }
    p->section = NULL;
    for (unsigned i = 0; i < p->config->count; i++) {
        if (strcmp(p->config->services[i].name, name) == 0)
            p->section = &p->config->services[i];
    }
    if (!p->section && p->config->count == CONFIG_SERVICES_MAX) {
        wrong(p, "section: [%s] is one service too many; expected at most %u", name,
              CONFIG_SERVICES_MAX);
        return;
    }
    if (!p->section)
        p->section = add_service(p->config, name, name_len);
    if (p->section_line[index_of(p, p->section)])
        wrong(p, "section: [%s] is in line %u already; expected one section a service", name,
              p->section_line[index_of(p, p->section)]);
    else
        p->section_line[index_of(p, p->section)] = p->line;
}

/* inih wants the next line, as fgets() would give it. After an error there is none. */
static char *next_line(char *out, int size, void *context)
{
    struct parser *p = context;
    const char *line = p->text + p->at, *newline;
    size_t len;

    if (p->error || p->at == p->length)
        return NULL;
    p->line++;
    newline = memchr(line, '\n', p->length - p->at);
    len = newline ? (size_t)(newline - line) : p->length - p->at;
    p->at += len + (newline != NULL);
    for (size_t i = 0; i < len; i++) {
        const unsigned char ch = (unsigned char)line[i];

        if ((ch < ' ' && ch != '\t' && !(ch == '\r' && i + 1 == len)) || ch == 0x7f) {
            wrong(p, "byte %zu of the line is %#x; expected text", i + 1, ch);
            return NULL;
        }
    }
    /* An indented line would continue the value before it. */
    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    if (len + 2 > (size_t)size) {
        wrong(p, "the line has %zu characters; expected at most %d", len, size - 2);
        return NULL;
    }
    if (len && *line == '[')
        begin_section(p, line, len);
    if (p->error)
        return NULL;
    memcpy(out, line, len);
    out[len] = '\n';
    out[len + 1] = '\0';
    return out;
}

static bool replace(char **string, const char *value)
{
    free(*string);
    *string = strdup(value);
    return *string != NULL;
}

/* A name for an interface, as the kernel and everybody's scripts can bear it. */
static bool interface_name(char out[16], const char *value)
{
    if (!value_name(value, 16))
        return false;
    strcpy(out, value);
    return true;
}

/* One word for xl, which is to get none that we give it ourselves. */
static bool vif_words(const char *value)
{
    return value_printable(value) && !strchr(value, ' ') && strlen(value) < 256 &&
           !strstr(value, "backend=");
}

static bool take(struct service_settings *s, enum key key, const char *value)
{
    switch (key) {
    case KEY_KERNEL:
        return value[0] == '/' && value_printable(value) && replace(&s->kernel, value);
    case KEY_MEMORY:
        return value_number(value, 1, DOMAIN_MEMORY_MAX_MB, &s->memory_mb);
    case KEY_DOMID:
        return value_number(value, 1, VALUE_DOMID_LIMIT - 1, &s->domid);
    case KEY_FLASK:
        return value_printable(value) && !strchr(value, ' ') && replace(&s->flask, value);
    case KEY_CMDLINE:
        return value_printable(value) && strlen(value) < CONFIG_CMDLINE_MAX &&
               replace(&s->cmdline, value);
    case KEY_CPUS:
        return s->has_cpus = value_cpus(value, s->cpus, CONFIG_CPUS_MAX);
    case KEY_WEIGHT:
        return value_number(value, 1, DOMAIN_WEIGHT_MAX, &s->weight);
    case KEY_TIMEOUT:
        return value_number(value, 1, 3600, &s->timeout_s);
    case KEY_WATCHDOG:
        return value_number(value, 0, CONFIG_WATCHDOG_MAX, &s->watchdog_s) && s->watchdog_s != 1;
    case KEY_RECOVER:
        return value_number(value, 0, 1000, &s->recover);
    case KEY_CRASHES:
        return value_number(value, 0, 100, &s->crash_reports);
    case KEY_JOURNAL:
        return value_number(value, 0, JOURNAL_KIB_MAX, &s->journal_kib) &&
               s->journal_kib % 4 == 0 && (!s->journal_kib || s->journal_kib >= JOURNAL_KIB_MIN);
    case KEY_SUMMARY:
        return value_printable(value) && replace(&s->summary, value);
    case KEY_UPLINK:
        return interface_name(s->uplink, value);
    case KEY_UPLINK_BRIDGE:
        return interface_name(s->uplink_bridge, value);
    case KEY_UPLINK_INTERFACE:
        return interface_name(s->uplink_interface, value);
    case KEY_UPLINK_VIF:
        return vif_words(value) && replace(&s->uplink_vif, value);
    case KEYS:
        break;
    }
    return false;
}

static void list_keys(char *out, size_t size)
{
    size_t used = 0;

    for (int i = 0; i < KEYS && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", keys[i].name);
}

/* inih has found "name = value". */
static int take_line(void *context, const char *section, const char *name, const char *value)
{
    struct parser *p = context;
    unsigned *before;
    char known[256];
    int key = 0;

    (void)section; /* the reader has seen it */
    if (p->error)
        return 0;
    while (key < KEYS && strcmp(keys[key].name, name) != 0)
        key++;
    if (key == KEYS) {
        list_keys(known, sizeof(known));
        wrong(p, "%.64s: there is no such key; expected %s", name, known);
    } else if (!p->section) {
        wrong(p, "%s: it stands before the first section; expected [NAME] of a service above it",
              name);
    } else if (*(before = &p->key_line[index_of(p, p->section)][key])) {
        wrong(p, "%s: it is in line %u already; expected once a section", name, *before);
    } else if (!take(p->section, (enum key)key, value)) {
        wrong(p, "%s: \"%s\" will not do; expected %s", name, value, keys[key].expected);
    } else {
        *before = p->line;
    }
    return !p->error;
}

/* What no line shows by itself. */
static void check_services(struct parser *p)
{
    for (unsigned i = 0; i < p->config->count && !p->error; i++) {
        const struct service_settings *s = &p->config->services[i];

        p->line = p->section_line[i];
        if (!s->kernel)
            wrong(p,
                  "kernel: missing; [%s] is a service of your own, expected the path of its image",
                  s->name);
        for (unsigned j = 0; s->domid && j < i; j++) {
            p->line = p->key_line[i][KEY_DOMID];
            if (p->config->services[j].domid == s->domid)
                wrong(p, "domid: %u is that of [%s] already; expected one a service", s->domid,
                      p->config->services[j].name);
        }
    }
}

int config_parse(struct report *r, const char *path, const char *text, size_t length,
                 struct config *config)
{
    struct parser p = {.config = config, .text = text, .length = length};
    int rc;

    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        p.at = 3; /* a byte order mark, as some editors leave it */
    memset(config, 0, sizeof(*config));
    config->path = path;
    if (!add_builtin(config))
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    rc = ini_parse_stream(next_line, &p, take_line, &p);
    if (rc < 0)
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    if (rc > 0 && (!p.error || (unsigned)rc < p.error)) {
        p.error = 0;
        p.line = (unsigned)rc;
        wrong(&p, "this is no line of such a file; expected KEY = VALUE, [NAME] or # COMMENT");
    }
    if (!p.error)
        check_services(&p);
    if (p.error)
        return report_fail(r, ATOLL_BAD_CONFIG, "%s:%u: %s", path, p.error, p.what);
    return 0;
}
