/* SPDX-License-Identifier: ISC */
#include "session.h"
#include "host.h"
#include "record.h"
#include <string.h>

int session_begin(struct session *session, const char *name, const char *service, unsigned verbose)
{
    memset(session, 0, sizeof(*session));
    snprintf(session->asked, sizeof(session->asked), "%s%s%.40s", name, service ? " " : "",
             service ? service : "");
    report_init(&session->report, session->asked, stderr, verbose);
    return config_read(&session->report, NULL, &session->config);
}

int session_open_xen(struct session *session)
{
    const int rc = host_open(&session->report, &session->xch);

    if (rc)
        session->xch = NULL;
    return rc;
}

void session_add_records(struct session *session)
{
    char names[CONFIG_SERVICES_MAX][sizeof(session->config.services[0].name)];
    struct config *config = &session->config;
    const unsigned count = record_list(names, CONFIG_SERVICES_MAX);

    for (unsigned i = 0; i < count && config->count < CONFIG_SERVICES_MAX; i++) {
        if (!config_find(config, names[i]))
            memcpy(config->services[config->count++].name, names[i], sizeof(names[i]));
    }
}

int session_find(struct session *session, const char *service,
                 const struct service_settings **settings)
{
    *settings = config_find(&session->config, service);
    if (*settings)
        return 0;
    session_add_records(session);
    return config_require(&session->report, &session->config, service, settings);
}

void session_end(struct session *session)
{
    if (session->xch)
        xc_interface_close(session->xch);
    config_free(&session->config);
    memset(session, 0, sizeof(*session));
}
