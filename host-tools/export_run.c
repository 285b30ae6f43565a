/* SPDX-License-Identifier: ISC */
#include "export_run.h"
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

/* Headers of IPv6 and UDP: a datagram fits the way with either IP. */
#define DATAGRAM_HEADERS 48U
/* On a connection, where no way limits it. */
#define STREAM_MESSAGE 8192U

/* A flow waits for others of its message for so long. */
#define FLUSH_EVERY NS_PER_S

#define END_PATIENCE_MS 5000

uint64_t export_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int export_begin(struct exporter *e, struct report *report, const struct export_options *options,
                 uint64_t boot)
{
    const bool datagrams = options->target.transport == EXPORT_UDP;
    struct ipfix_config config = {.netflow9 = options->netflow9,
                                  .biflow = options->biflow,
                                  .datagrams = datagrams,
                                  .domain = options->domain,
                                  .refresh_s = options->refresh_s,
                                  .message_max =
                                      datagrams ? options->mtu - DATAGRAM_HEADERS : STREAM_MESSAGE,
                                  .boot = boot / NS_PER_S * NS_PER_S,
                                  .send = export_net_send};
    char why[320];

    memset(e, 0, sizeof(*e));
    e->report = report;
    e->options = options;
    if (options->target.transport == EXPORT_TLS) {
        e->tls = export_tls_load(&options->tls, why, sizeof(why));
        if (!e->tls)
            return report_fail(report, ATOLL_FAILURE, "%s", why);
    }
    e->net = export_net_create(report, &options->target, e->tls);
    config.context = e->net;
    e->ipfix = e->net ? ipfix_create(&config) : NULL;
    if (!e->ipfix)
        return report_fail(report, ATOLL_FAILURE, "out of memory");
    export_net_step(e->net);
    /* Nothing was begun that a first connection could end. */
    export_net_fresh(e->net);
    return 0;
}

void export_losses(const struct exporter *e, struct ipfix_losses *losses)
{
    const struct ipfix_losses *net = export_net_losses(e->net);

    *losses = e->losses;
    losses->unsent_flows += net->unsent_flows;
    losses->unsent_packets += net->unsent_packets;
    losses->unsent_octets += net->unsent_octets;
}

void export_step(struct exporter *e, uint64_t now)
{
    struct ipfix_losses losses;

    export_net_step(e->net);
    if (export_net_fresh(e->net))
        ipfix_restart(e->ipfix, &e->losses);
    if (export_net_ready(e->net)) {
        export_losses(e, &losses);
        ipfix_refresh(e->ipfix, &losses, now);
    }
    /* A clock that was set back is no reason to wait. */
    if (now < e->flushed || now - e->flushed >= FLUSH_EVERY) {
        ipfix_flush(e->ipfix, now);
        e->flushed = now;
    }
}

void export_reload(struct exporter *e)
{
    char why[320];

    if (!e->tls)
        return;
    if (!export_tls_reload(e->tls, &e->options->tls, why, sizeof(why))) {
        report_note(e->report, "%s; the certificates stay as they were", why);
        return;
    }
    report_note(e->report, "the certificates were read anew");
    export_net_reconnect(e->net, "new certificates");
}

void export_end(struct exporter *e, uint64_t now)
{
    struct ipfix_losses losses;

    if (e->ipfix) {
        const struct ipfix_totals *totals = ipfix_totals(e->ipfix);

        export_losses(e, &losses);
        /* The last word about losses. */
        if (export_net_ready(e->net))
            ipfix_refresh(e->ipfix, &losses, now + (uint64_t)e->options->refresh_s * NS_PER_S);
        ipfix_flush(e->ipfix, now);
        export_net_close(e->net, END_PATIENCE_MS);
        export_losses(e, &losses);
        report_step(e->report, "%llu records of flows in %llu messages, %llu lost",
                    (unsigned long long)totals->flows, (unsigned long long)totals->messages,
                    (unsigned long long)losses.unsent_flows);
    }
    ipfix_free(e->ipfix);
    e->ipfix = NULL;
    export_net_free(e->net);
    e->net = NULL;
    export_tls_unload(e->tls);
    e->tls = NULL;
}
