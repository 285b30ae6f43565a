/* SPDX-License-Identifier: ISC */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All of the file into @text; its length, or -errno. */
static ssize_t slurp(const char *path, char *text, size_t size)
{
    FILE *f = fopen(path, "re");
    ssize_t length;

    if (!f)
        return -errno;
    errno = 0;
    length = (ssize_t)fread(text, 1, size, f);
    if (ferror(f))
        length = errno ? -errno : -EIO;
    fclose(f);
    return length;
}

int config_read(struct report *r, const char *path, struct config *config)
{
    const bool asked_for = path || getenv(CONFIG_VARIABLE);
    ssize_t length;
    char *text;
    int rc;

    memset(config, 0, sizeof(*config));
    if (!path)
        path = asked_for ? getenv(CONFIG_VARIABLE) : CONFIG_PATH;
    text = malloc(CONFIG_FILE_MAX + 1);
    if (!text)
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    length = slurp(path, text, CONFIG_FILE_MAX + 1);
    if (length == -ENOENT && !asked_for)
        rc = config_parse(r, NULL, "", 0, config);
    else if (length < 0)
        rc =
            report_fail(r, ATOLL_BAD_CONFIG, "%s: it cannot be read (%s); name another by --config",
                        path, strerror((int)-length));
    else if (length > (ssize_t)CONFIG_FILE_MAX)
        rc = report_fail(r, ATOLL_BAD_CONFIG, "%s: it has more than %u bytes; is this the file?",
                         path, CONFIG_FILE_MAX);
    else
        rc = config_parse(r, path, text, (size_t)length, config);
    free(text);
    return rc;
}

void config_free(struct config *config)
{
    for (unsigned i = 0; i < config->count; i++) {
        struct service_settings *s = &config->services[i];

        free(s->summary);
        free(s->kernel);
        free(s->flask);
        free(s->cmdline);
        free(s->uplink_vif);
    }
    memset(config, 0, sizeof(*config));
}

const struct service_settings *config_find(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->count; i++) {
        if (strcmp(config->services[i].name, name) == 0)
            return &config->services[i];
    }
    return NULL;
}

int config_require(struct report *r, const struct config *config, const char *name,
                   const struct service_settings **settings)
{
    char names[CONFIG_SERVICES_MAX * sizeof(config->services[0].name)];
    size_t used = 0;

    *settings = config_find(config, name);
    if (*settings)
        return 0;
    for (unsigned i = 0; i < config->count; i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                 config->services[i].name);
    return report_fail(r, ATOLL_USAGE, "there is no service %s; there are %s", name, names);
}
