/* SPDX-License-Identifier: ISC */
#include "netif_control.h"

#include <errno.h>
#include <string.h>

#include "common/list.h"

#include "netif_wire.h"

#define RING_SLOTS 128U
#define BATCH      16U /**< requests a turn: each may cost a grant copy */

#define PROTOCOL_TCP 6U
#define TUPLE_MAX    36U /**< bytes hashed at most: two IPv6 addresses, two ports */

enum {
    TYPE_GET_HASH_FLAGS = 1,
    TYPE_SET_HASH_FLAGS,
    TYPE_SET_HASH_KEY,
    TYPE_GET_HASH_MAPPING_SIZE,
    TYPE_SET_HASH_MAPPING_SIZE,
    TYPE_SET_HASH_MAPPING,
    TYPE_SET_HASH_ALGORITHM,
};
enum { STATUS_SUCCESS, STATUS_NOT_SUPPORTED, STATUS_INVALID_PARAMETER, STATUS_BUFFER_OVERFLOW };
enum { HASH_IPV4, HASH_IPV4_TCP, HASH_IPV6, HASH_IPV6_TCP };

#define HASH_FLAGS ((1U << HASH_TYPES) - 1)

struct wire_request {
    uint16_t id, type;
    uint32_t data[3];
};
struct wire_response {
    uint16_t id, type;
    uint32_t status, data;
};
_Static_assert(sizeof(struct wire_request) == 16, "as on the wire");
_Static_assert(sizeof(struct wire_response) == 12, "as on the wire");

/**
 * What the guest has set, in the ring's page behind the slots, for a successor: twice, so that one
 * of them is whole at any time. The guest can write there, and harms itself.
 */
struct wire_saved {
    uint32_t sequence; /**< the newer one counts */
    uint32_t toeplitz, flags, mapping_size;
    uint8_t key[NETIF_HASH_KEY];
    uint8_t mapping[NETIF_HASH_MAPPING];
    uint32_t check; /**< saved_check() */
};

#define SAVED_AT(which)                                                                            \
    (sizeof(struct wire_ring) + RING_SLOTS * sizeof(struct wire_request) +                         \
     (which) * sizeof(struct wire_saved))
_Static_assert(SAVED_AT(2) <= HV_PAGE_SIZE, "in the page");

struct netif_control {
    struct netif *netif;
    uint32_t sequence; /**< of what was saved last */
    struct loop_port event;
    struct timer again; /**< there is more than a batch */
    void *ring;         /**< mapped */
    uint32_t seen;      /**< req_prod as last read */
    uint32_t answered;  /**< requests taken and answered: rsp_prod */
    uint64_t requests;
    bool toeplitz;  /**< the algorithm */
    uint32_t flags; /**< types of hashes asked for */
    uint8_t key[NETIF_HASH_KEY];
    unsigned mapping_size;
    uint8_t mapping[NETIF_HASH_MAPPING];
    uint32_t incoming[NETIF_HASH_MAPPING]; /**< what a grant copy brings, before it is checked */
    /** What each half of each byte of a tuple adds to its hash, by the key; made on first use. */
    uint32_t table[2 * TUPLE_MAX][16];
    bool table_made;
};

static inline struct wire_ring *control_ring(const struct netif_control *control)
{
    return control->ring;
}

static inline void *control_slot(const struct netif_control *control, uint32_t index)
{
    return (uint8_t *)control->ring + sizeof(struct wire_ring) +
           (size_t)(index % RING_SLOTS) * sizeof(struct wire_request);
}

/* --- the hash --------------------------------------------------------------------------------- */

/** The 32 bits of the key from its bit @at on; beyond its end there are zeroes. */
static uint32_t key_window(const uint8_t *key, unsigned at)
{
    uint64_t bits = 0;

    for (unsigned i = at / 8; i < at / 8 + 5; i++)
        bits = bits << 8 | (i < NETIF_HASH_KEY ? key[i] : 0);
    return (uint32_t)(bits >> (8 - at % 8));
}

static void table_make(struct netif_control *control)
{
    for (unsigned half = 0; half < 2 * TUPLE_MAX; half++) {
        for (unsigned value = 0; value < 16; value++) {
            uint32_t hash = 0;

            for (unsigned bit = 0; bit < 4; bit++)
                hash ^= value & 8U >> bit ? key_window(control->key, 4 * half + bit) : 0;
            control->table[half][value] = hash;
        }
    }
    control->table_made = true;
}

static uint32_t toeplitz(struct netif_control *control, const uint8_t *tuple, unsigned length)
{
    uint32_t hash = 0;

    if (!control->table_made)
        table_make(control);
    for (unsigned i = 0; i < length; i++)
        hash ^= control->table[2 * i][tuple[i] >> 4] ^ control->table[2 * i + 1][tuple[i] & 15];
    return hash;
}

/** Where in @packet two addresses are, *@length bytes together; NULL: it is no IP. */
static const uint8_t *packet_addresses(const struct packet *packet, unsigned *length)
{
    unsigned at = packet->network_at;

    if (packet->network == PACKET_IPV4) {
        at += 12;
        *length = 8;
    } else if (packet->network == PACKET_IPV6) {
        at += 8;
        *length = 32;
    } else {
        return NULL;
    }
    return packet->network_at != 0 && at + *length <= packet->captured ? packet->data + at : NULL;
}

/** Where its two ports are; NULL: it has none, or is a fragment, of which only the first has. */
static const uint8_t *packet_ports(const struct packet *packet)
{
    if (packet->transport_at == 0 || packet->fragment || packet->first_fragment ||
        packet->transport_at + 4U > packet->captured)
        return NULL;
    return packet->data + packet->transport_at;
}

static void hash_packet(struct netif_control *control, const struct packet *packet,
                        struct netif_hash *hash)
{
    unsigned length, base;
    const uint8_t *addresses = packet_addresses(packet, &length), *ports;
    uint8_t tuple[TUPLE_MAX];

    *hash = (struct netif_hash){0};
    if (!addresses)
        return;
    base = packet->network == PACKET_IPV4 ? HASH_IPV4 : HASH_IPV6;
    ports = packet->protocol == PROTOCOL_TCP ? packet_ports(packet) : NULL;
    memcpy(tuple, addresses, length);
    /* The maximal type that was asked for. */
    if (ports && (control->flags & 1U << (base + 1))) {
        memcpy(tuple + length, ports, 4);
        length += 4;
        base++;
    } else if (!(control->flags & 1U << base)) {
        return;
    }
    hash->type = (uint8_t)(base + 1);
    hash->value = toeplitz(control, tuple, length);
}

/** No defence, only a spread: whoever picks addresses to fill one queue may as well send more. */
static unsigned spread(const struct netif *netif, const struct packet *packet)
{
    unsigned length;
    const uint8_t *addresses = packet_addresses(packet, &length);
    const uint8_t *ports;
    uint64_t hash = netif->key.k0, word;
    uint32_t pair;

    if (!addresses)
        return 0;
    ports = packet_ports(packet);
    if (ports) {
        memcpy(&pair, ports, sizeof(pair));
        hash ^= (uint64_t)packet->protocol << 32 | pair;
    }
    for (unsigned i = 0; i < length; i += 8) {
        memcpy(&word, addresses + i, sizeof(word));
        hash = (hash ^ word) * (netif->key.k1 | 1);
        hash ^= hash >> 32;
    }
    return (unsigned)((hash & 0xffffffffU) * netif->queue_count >> 32);
}

unsigned netif_select(const struct netif *netif, const struct packet *packet,
                      struct netif_hash *hash)
{
    struct netif_control *control = netif->control;

    if (!control || !control->toeplitz || control->flags == 0) {
        *hash = (struct netif_hash){0};
        return netif->queue_count == 1 ? 0 : spread(netif, packet);
    }
    hash_packet(control, packet, hash);
    if (control->mapping_size == 0)
        return hash->value % netif->queue_count;
    return control->mapping[hash->value % control->mapping_size];
}

/* --- for a successor -------------------------------------------------------------------------- */

static uint32_t saved_check(const struct wire_saved *saved)
{
    const uint8_t *at = (const uint8_t *)saved;
    uint32_t hash = NOTE_MAGIC;

    for (size_t i = 0; i < offsetof(struct wire_saved, check); i++)
        hash = (hash ^ at[i]) * 16777619U;
    return hash;
}

static void *saved_place(const struct netif_control *control, uint32_t sequence)
{
    return (uint8_t *)control->ring + SAVED_AT(sequence % 2);
}

/** Before the answer shows. */
static void save(struct netif_control *control)
{
    struct wire_saved saved = {
        .sequence = ++control->sequence,
        .toeplitz = control->toeplitz,
        .flags = control->flags,
        .mapping_size = control->mapping_size,
    };

    memcpy(saved.key, control->key, sizeof(saved.key));
    memcpy(saved.mapping, control->mapping, sizeof(saved.mapping));
    saved.check = saved_check(&saved);
    hv_shared_copy_out(control->netif->hv, saved_place(control, saved.sequence), &saved,
                       sizeof(saved));
}

static bool saved_sound(const struct netif_control *control, const struct wire_saved *saved)
{
    bool sound = saved->check == saved_check(saved) && saved->toeplitz <= 1 &&
                 !(saved->flags & ~HASH_FLAGS) && saved->mapping_size <= NETIF_HASH_MAPPING;

    for (unsigned i = 0; sound && i < NETIF_HASH_MAPPING; i++)
        sound = saved->mapping[i] < control->netif->queue_count;
    return sound;
}

/** What a predecessor saved; nothing was set where there is none. */
static void restore(struct netif_control *control)
{
    struct wire_saved saved;
    bool found = false;

    for (unsigned i = 0; i < 2; i++) {
        hv_shared_copy_in(control->netif->hv, &saved, saved_place(control, i), sizeof(saved));
        if (!saved_sound(control, &saved) ||
            (found && (int32_t)(saved.sequence - control->sequence) < 0))
            continue;
        found = true;
        control->sequence = saved.sequence;
        control->toeplitz = saved.toeplitz;
        control->flags = saved.flags;
        control->mapping_size = saved.mapping_size;
        memcpy(control->key, saved.key, sizeof(control->key));
        memcpy(control->mapping, saved.mapping, sizeof(control->mapping));
    }
}

/** Publish what a predecessor had answered and not published, the last of them maybe half. */
static void inherit(struct netif_control *control, uint32_t requests)
{
    struct hv *hv = control->netif->hv;
    struct wire_ring *ring = control_ring(control);
    struct inherited left = note_read(hv, ring, control->answered, requests);
    struct wire_response response;

    if (left.noted)
        restore(control);
    control->answered += left.whole;
    if (left.broken > 0) { /* its number and type are the request's: only the rest is to be said */
        void *slot = control_slot(control, control->answered++);

        hv_shared_copy_in(hv, &response, slot, sizeof(response));
        response.status = hv_shared_read32(hv, &ring->note.control_status);
        response.data = hv_shared_read32(hv, &ring->note.control_data);
        hv_shared_copy_out(hv, slot, &response, sizeof(response));
    }
    if (left.whole > 0 || left.broken > 0)
        hv_shared_write32(hv, &ring->rsp_prod, control->answered);
}

/* --- requests --------------------------------------------------------------------------------- */

/** Copy @length bytes from the start of the guest's page to @dest, which may cross a page of ours.
 */
static bool grant_read(const struct netif *netif, grant_ref_t ref, void *dest, unsigned length)
{
    struct hv_copy copies[2];
    unsigned count = 0;

    for (unsigned done = 0; done < length; count++) {
        uintptr_t at = (uintptr_t)dest + done, offset = at % HV_PAGE_SIZE;
        unsigned part = length - done;

        if (part > HV_PAGE_SIZE - offset)
            part = (unsigned)(HV_PAGE_SIZE - offset);
        copies[count] = (struct hv_copy){
            .source = {.foreign = true,
                       .domid = netif->config.domid,
                       .ref = ref,
                       .offset = (uint16_t)done},
            .dest = {.address = (uint8_t *)dest + done - offset, .offset = (uint16_t)offset},
            .length = (uint16_t)part,
        };
        done += part;
    }
    if (hv_grant_copy(netif->hv, copies, count) != 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (copies[i].status != 0)
            return false;
    }
    return true;
}

static uint32_t set_flags(struct netif_control *control, uint32_t flags)
{
    if ((flags & ~HASH_FLAGS) || !control->toeplitz)
        return STATUS_INVALID_PARAMETER;
    control->flags = flags;
    return STATUS_SUCCESS;
}

static uint32_t set_key(struct netif_control *control, grant_ref_t ref, uint32_t length)
{
    if (length > NETIF_HASH_KEY)
        return STATUS_BUFFER_OVERFLOW;
    if (length > 0 && !grant_read(control->netif, ref, control->incoming, length))
        return STATUS_INVALID_PARAMETER;
    memset(control->key, 0, sizeof(control->key));
    memcpy(control->key, control->incoming, length);
    control->table_made = false;
    return STATUS_SUCCESS;
}

static uint32_t set_mapping_size(struct netif_control *control, uint32_t size)
{
    if (size > NETIF_HASH_MAPPING)
        return STATUS_INVALID_PARAMETER;
    control->mapping_size = size;
    memset(control->mapping, 0, sizeof(control->mapping));
    return STATUS_SUCCESS;
}

static uint32_t set_mapping(struct netif_control *control, grant_ref_t ref, uint32_t length,
                            uint32_t offset)
{
    const struct netif *netif = control->netif;

    if (length > NETIF_HASH_MAPPING)
        return STATUS_BUFFER_OVERFLOW;
    /* Without a sum that could wrap (XSA-270). */
    if (offset > control->mapping_size || length > control->mapping_size - offset)
        return STATUS_INVALID_PARAMETER;
    if (length == 0)
        return STATUS_SUCCESS;
    if (!grant_read(netif, ref, control->incoming, length * sizeof(control->incoming[0])))
        return STATUS_INVALID_PARAMETER;
    for (uint32_t i = 0; i < length; i++) {
        if (control->incoming[i] >= netif->queue_count)
            return STATUS_INVALID_PARAMETER;
    }
    for (uint32_t i = 0; i < length; i++)
        control->mapping[offset + i] = (uint8_t)control->incoming[i];
    return STATUS_SUCCESS;
}

static uint32_t set_algorithm(struct netif_control *control, uint32_t algorithm)
{
    if (algorithm > HASH_ALGORITHM_TOEPLITZ)
        return STATUS_INVALID_PARAMETER;
    control->toeplitz = algorithm == HASH_ALGORITHM_TOEPLITZ;
    return STATUS_SUCCESS;
}

static struct wire_response carry_out(struct netif_control *control,
                                      const struct wire_request *request)
{
    struct wire_response response = {.id = request->id, .type = request->type};
    const uint32_t *data = request->data;

    switch (request->type) {
    case TYPE_GET_HASH_FLAGS:
        response.status = control->toeplitz ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
        response.data = control->toeplitz ? HASH_FLAGS : 0;
        break;
    case TYPE_SET_HASH_FLAGS:
        response.status = set_flags(control, data[0]);
        break;
    case TYPE_SET_HASH_KEY:
        response.status = set_key(control, data[0], data[1]);
        break;
    case TYPE_GET_HASH_MAPPING_SIZE:
        response.data = NETIF_HASH_MAPPING;
        break;
    case TYPE_SET_HASH_MAPPING_SIZE:
        response.status = set_mapping_size(control, data[0]);
        break;
    case TYPE_SET_HASH_MAPPING:
        response.status = set_mapping(control, data[0], data[1], data[2]);
        break;
    case TYPE_SET_HASH_ALGORITHM:
        response.status = set_algorithm(control, data[0]);
        break;
    default: /* static grants (8 to 10) among them: nothing is kept mapped */
        response.status = STATUS_NOT_SUPPORTED;
        break;
    }
    control->requests++;
    if (request->type >= TYPE_SET_HASH_FLAGS && request->type <= TYPE_SET_HASH_ALGORITHM)
        save(control);
    return response;
}

/** Is there a request? Looks at req_prod where none is known of. */
static bool request_ready(struct netif_control *control)
{
    struct netif *netif = control->netif;

    if (control->seen != control->answered)
        return true;
    uint32_t prod = hv_shared_read32(netif->hv, &control_ring(control)->req_prod);
    if (prod - control->answered > RING_SLOTS) {
        netif_fail(netif, "the control ring's req_prod is out of distance");
        return false;
    }
    control->seen = prod;
    return control->seen != control->answered;
}

/** A batch of requests. */
static void serve(struct netif_control *control)
{
    struct netif *netif = control->netif;
    struct hv *hv = netif->hv;
    uint32_t old = control->answered;

    if (netif->failure)
        return;
    while (control->answered - old < BATCH && request_ready(control)) {
        struct wire_request request;
        struct wire_response response;
        void *slot = control_slot(control, control->answered);

        hv_shared_copy_in(hv, &request, slot, sizeof(request));
        response = carry_out(control, &request);
        hv_shared_write32(hv, &control_ring(control)->note.control_status, response.status);
        hv_shared_write32(hv, &control_ring(control)->note.control_data, response.data);
        note_begun(hv, control_ring(control), control->answered + 1);
        hv_shared_copy_out(hv, slot, &response, sizeof(response));
        control->answered++;
        note_whole(hv, control_ring(control), control->answered);
    }
    if (control->answered != old && ring_publish(hv, control_ring(control), old, control->answered))
        (void)hv_evtchn_send(hv, control->event.port);
    if (!netif->failure && (control->seen != control->answered ||
                            ring_arm(hv, control_ring(control), control->answered)))
        timer_set(netif->loop, &control->again, 0);
}

static void on_event(struct loop_port *port)
{
    serve(LIST_ENTRY(port, struct netif_control, event));
}

static void on_again(struct timer *timer)
{
    serve(LIST_ENTRY(timer, struct netif_control, again));
}

uint64_t netif_control_requests(const struct netif *netif)
{
    return netif->control ? netif->control->requests : 0;
}

static int open_ring(struct netif_control *control, const char **why)
{
    struct netif *netif = control->netif;
    const struct netif_config *config = &netif->config;
    struct hv *hv = netif->hv;
    evtchn_port_t port;
    uint32_t requests;
    int rc = hv_grant_map(hv, config->domid, &config->control_ref, 1, false, &control->ring);

    if (rc != 0) {
        control->ring = NULL;
        *why = "the control ring cannot be mapped";
        return rc;
    }
    control->answered = hv_shared_read32(hv, &control_ring(control)->rsp_prod);
    requests = hv_shared_read32(hv, &control_ring(control)->req_prod) - control->answered;
    if (requests > RING_SLOTS) {
        *why = "the control ring's indices are out of distance";
        return -EINVAL;
    }
    inherit(control, requests);
    control->seen = control->answered;
    note_start(hv, control_ring(control), control->answered);
    rc = hv_evtchn_bind_interdomain(hv, config->domid, config->control_port, &port);
    if (rc != 0) {
        *why = "the control ring's event channel cannot be bound";
        return rc;
    }
    loop_port_add(netif->loop, &control->event, port, on_event);
    return 0;
}

int netif_control_open(struct netif *netif, const char **why)
{
    struct netif_control *control = arena_zalloc(netif->arena, sizeof(*control));

    if (!control) {
        *why = "no memory for the control ring";
        return -ENOMEM;
    }
    control->netif = netif;
    netif->control = control;
    timer_init(&control->again, on_again);
    return open_ring(control, why);
}

void netif_control_close(struct netif *netif)
{
    struct netif_control *control = netif->control;
    evtchn_port_t port = control->event.port;

    timer_cancel(&control->again);
    if (port != 0) {
        loop_port_remove(netif->loop, &control->event);
        (void)hv_evtchn_close(netif->hv, port);
    }
    if (control->ring)
        HV_ASSERT(hv_grant_unmap(netif->hv, control->ring, 1) == 0);
    arena_free(netif->arena, control, sizeof(*control));
    netif->control = NULL;
}
