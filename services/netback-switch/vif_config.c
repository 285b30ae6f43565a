/* SPDX-License-Identifier: ISC */
/* What a frontend says of its rings and of what it can take. All of it is hostile. */
#include <errno.h>

#include "vif.h"

#define EVTCHN_MAX 131071U /* of Xen's FIFO event channels */

struct queue_names {
    const char *tx_ref, *rx_ref, *port, *tx_port, *rx_port;
};

#define QUEUE_NAMES(prefix)                                                                        \
    {                                                                                              \
        prefix "tx-ring-ref", prefix "rx-ring-ref", prefix "event-channel",                        \
            prefix "event-channel-tx", prefix "event-channel-rx"                                   \
    }

static const struct queue_names flat_names = QUEUE_NAMES("");
static const struct queue_names queue_names[NETIF_QUEUES_MAX] = {
    QUEUE_NAMES("queue-0/"), QUEUE_NAMES("queue-1/"), QUEUE_NAMES("queue-2/"),
    QUEUE_NAMES("queue-3/"), QUEUE_NAMES("queue-4/"), QUEUE_NAMES("queue-5/"),
    QUEUE_NAMES("queue-6/"), QUEUE_NAMES("queue-7/"),
};

const char *const vif_frontend_names[] = {
    "tx-ring-ref",
    "rx-ring-ref",
    "event-channel",
    "event-channel-tx",
    "event-channel-rx",
    "multi-queue-num-queues",
    "request-rx-copy",
    "feature-sg",
    "feature-gso-tcpv4",
    "feature-gso-tcpv6",
    "feature-ipv6-csum-offload",
    "feature-no-csum-offload",
    "request-multicast-control",
    "xdp-headroom",
    "ctrl-ring-ref",
    "event-channel-ctrl",
    NULL,
};

/* How many queues it says it has; 0: no number from 1 to NETIF_QUEUES_MAX. */
static unsigned count_queues(const struct xenbus_nodes *frontend)
{
    uint32_t queues;

    if (!xenbus_value(frontend, "multi-queue-num-queues"))
        return 1;
    return xenbus_number(frontend, "multi-queue-num-queues", NETIF_QUEUES_MAX, &queues) ? queues
                                                                                        : 0;
}

unsigned vif_more_names(const struct xenbus_nodes *frontend, const char **names)
{
    unsigned queues = count_queues(frontend), count = 0;

    for (unsigned i = 0; queues > 1 && i < queues; i++) {
        names[count++] = queue_names[i].tx_ref;
        names[count++] = queue_names[i].rx_ref;
        names[count++] = queue_names[i].port;
        names[count++] = queue_names[i].tx_port;
        names[count++] = queue_names[i].rx_port;
    }
    return count;
}

static bool read_port(const struct xenbus_nodes *frontend, const char *name, evtchn_port_t *port)
{
    uint32_t number;

    if (!xenbus_number(frontend, name, EVTCHN_MAX, &number) || !number)
        return false;
    *port = number;
    return true;
}

/* One port for both directions, or one for each. */
static bool read_ports(const struct xenbus_nodes *frontend, const struct queue_names *names,
                       evtchn_port_t *tx, evtchn_port_t *rx)
{
    if (xenbus_value(frontend, names->tx_port) || xenbus_value(frontend, names->rx_port))
        return read_port(frontend, names->tx_port, tx) && read_port(frontend, names->rx_port, rx) &&
               *tx != *rx;
    if (!read_port(frontend, names->port, tx))
        return false;
    *rx = *tx;
    return true;
}

static int read_queues(const struct xenbus_nodes *frontend, struct netif_config *config,
                       const char **why)
{
    for (unsigned i = 0; i < config->queues; i++) {
        const struct queue_names *names = config->queues > 1 ? &queue_names[i] : &flat_names;

        if (!xenbus_number(frontend, names->tx_ref, UINT32_MAX, &config->queue[i].tx_ref) ||
            !xenbus_number(frontend, names->rx_ref, UINT32_MAX, &config->queue[i].rx_ref)) {
            *why = "a queue's tx-ring-ref or rx-ring-ref is missing or no number";
            return -EINVAL;
        }
        if (!read_ports(frontend, names, &config->queue[i].tx_port, &config->queue[i].rx_port)) {
            *why = "a queue's event-channel is missing or no port";
            return -EINVAL;
        }
    }
    return 0;
}

static int read_control(const struct xenbus_nodes *frontend, struct netif_config *config,
                        const char **why)
{
    if (!xenbus_value(frontend, "ctrl-ring-ref"))
        return 0;
    if (!xenbus_number(frontend, "ctrl-ring-ref", UINT32_MAX, &config->control_ref) ||
        !read_port(frontend, "event-channel-ctrl", &config->control_port)) {
        *why = "ctrl-ring-ref or event-channel-ctrl is missing or no number";
        return -EINVAL;
    }
    config->has_control = true;
    return 0;
}

/* Is one of them there twice? */
static bool repeated(const uint32_t *numbers, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        for (unsigned j = 0; j < i; j++)
            if (numbers[i] == numbers[j])
                return true;
    return false;
}

static int check_distinct(const struct netif_config *config, const char **why)
{
    uint32_t refs[2 * NETIF_QUEUES_MAX + 1], ports[2 * NETIF_QUEUES_MAX + 1];
    unsigned ref_count = 0, port_count = 0;

    for (unsigned i = 0; i < config->queues; i++) {
        refs[ref_count++] = config->queue[i].tx_ref;
        refs[ref_count++] = config->queue[i].rx_ref;
        ports[port_count++] = config->queue[i].tx_port;
        if (config->queue[i].rx_port != config->queue[i].tx_port)
            ports[port_count++] = config->queue[i].rx_port;
    }
    if (config->has_control) {
        refs[ref_count++] = config->control_ref;
        ports[port_count++] = config->control_port;
    }
    if (repeated(refs, ref_count)) {
        *why = "two rings are on the same page";
        return -EINVAL;
    }
    if (repeated(ports, port_count)) {
        *why = "an event channel is named twice";
        return -EINVAL;
    }
    return 0;
}

bool vif_headroom(const struct xenbus_nodes *frontend, uint16_t *headroom)
{
    uint32_t number = 0;

    if (xenbus_value(frontend, "xdp-headroom") &&
        !xenbus_number(frontend, "xdp-headroom", VIF_HEADROOM_MAX, &number))
        return false;
    *headroom = (uint16_t)number;
    return true;
}

int vif_parse(const struct xenbus_nodes *frontend, domid_t domid, struct netif_config *config,
              const char **why)
{
    int error;

    *config = (struct netif_config){.domid = domid, .queues = count_queues(frontend)};
    if (!xenbus_flag(frontend, "request-rx-copy", false)) {
        *why = "the frontend does not ask for rx-copy";
        return -EOPNOTSUPP;
    }
    if (!config->queues) {
        *why = "multi-queue-num-queues is no number from 1 to 8";
        return -EINVAL;
    }
    error = read_queues(frontend, config, why);
    if (!error)
        error = read_control(frontend, config, why);
    if (!error)
        error = check_distinct(config, why);
    if (error)
        return error;
    if (!vif_headroom(frontend, &config->xdp_headroom)) {
        *why = "xdp-headroom is no number up to 2048";
        return -EINVAL;
    }
    config->sg = xenbus_flag(frontend, "feature-sg", false);
    config->gso_tcpv4 = xenbus_flag(frontend, "feature-gso-tcpv4", false);
    config->gso_tcpv6 = xenbus_flag(frontend, "feature-gso-tcpv6", false);
    config->ipv6_csum = xenbus_flag(frontend, "feature-ipv6-csum-offload", false);
    config->no_csum_offload = xenbus_flag(frontend, "feature-no-csum-offload", false);
    config->multicast_control = xenbus_flag(frontend, "request-multicast-control", false);
    return 0;
}
