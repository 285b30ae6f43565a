/* SPDX-License-Identifier: ISC */
/*
 * Event channels of the 2-level ABI (xen/include/public/xen.h, struct shared_info): a pending and a
 * mask bit for each port, and a selector with a bit for each word of the pending bitmap. Xen sets
 * the selector's bit, then evtchn_upcall_pending, whenever an unmasked port becomes pending.
 *
 * evtchn_words holds the selector bits that have been taken over; a round passes each word once,
 * each port of it once, and starts where the last one ended: that is the round robin.
 */
#include "platform.h"

#include <errno.h>
#include <string.h>

#include "arch.h"
#include "hypercall.h"

#define WORD_BITS 64U
#define WORDS     (HV_EVTCHN_PORTS / WORD_BITS)

/** VIRQ_TIMER is the platform's own: the deadline of hv_wait(). */
static void timer_bind(struct hv *hv)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};
    int rc = hypercall_event_channel_op(EVTCHNOP_bind_virq, &bind);

    if (rc != 0) {
        hv_panic("cannot bind the timer: error %d", -rc);
    }
    hv->timer_port = bind.port;
    hv->timer_armed = HV_NEVER;
    hv_evtchn_unmask(hv, bind.port);
}

void evtchn_init(struct hv *hv)
{
    for (unsigned i = 0; i < WORDS; i++) {
        hv->shared->evtchn_mask[i] = UINT64_MAX;
    }
    hv->evtchn_left = UINT64_MAX;
    arch_upcall_init();
    timer_bind(hv);
}

static bool port_valid(evtchn_port_t port)
{
    return port > 0 && port < HV_EVTCHN_PORTS;
}

/** A port that Xen has made for us: unmask it and hand it out, if the bitmap reaches so far. */
static int port_made(struct hv *hv, evtchn_port_t made, evtchn_port_t *port)
{
    if (!port_valid(made)) {
        struct evtchn_close close = {.port = made};

        (void)hypercall_event_channel_op(EVTCHNOP_close, &close);
        return -ENOSPC;
    }
    hv_evtchn_unmask(hv, made);
    *port = made;
    return 0;
}

int hv_evtchn_alloc_unbound(struct hv *hv, domid_t remote, evtchn_port_t *port)
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = remote};
    int rc = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

    return rc != 0 ? rc : port_made(hv, alloc.port, port);
}

int hv_evtchn_bind_interdomain(struct hv *hv, domid_t remote, evtchn_port_t remote_port,
                               evtchn_port_t *port)
{
    struct evtchn_bind_interdomain bind = {.remote_dom = remote, .remote_port = remote_port};
    int rc = hypercall_event_channel_op(EVTCHNOP_bind_interdomain, &bind);

    return rc != 0 ? rc : port_made(hv, bind.local_port, port);
}

int hv_evtchn_bind_virq(struct hv *hv, enum hv_virq virq, evtchn_port_t *port)
{
    struct evtchn_bind_virq bind = {.virq = virq, .vcpu = 0};
    int rc = hypercall_event_channel_op(EVTCHNOP_bind_virq, &bind);

    return rc != 0 ? rc : port_made(hv, bind.port, port);
}

int hv_evtchn_send(struct hv *hv, evtchn_port_t port)
{
    struct evtchn_send send = {.port = port};

    return hypercall_event_channel_op(EVTCHNOP_send, &send);
}

int hv_evtchn_bound(struct hv *hv, evtchn_port_t port)
{
    struct evtchn_status status = {.dom = DOMID_SELF, .port = port};
    int rc = hypercall_event_channel_op(EVTCHNOP_status, &status);

    if (rc != 0) {
        return rc;
    }
    if (status.status == EVTCHNSTAT_closed) {
        return -EINVAL;
    }
    return status.status == EVTCHNSTAT_interdomain;
}

int hv_evtchn_close(struct hv *hv, evtchn_port_t port)
{
    struct evtchn_close close = {.port = port};
    int rc;

    if (!port_valid(port) || port == hv->timer_port || port == hv->console_port) {
        return -EINVAL;
    }
    rc = hypercall_event_channel_op(EVTCHNOP_close, &close);
    if (rc == 0) {
        hv_evtchn_mask(hv, port);
        arch_atomic_clear(&hv->shared->evtchn_pending[port / WORD_BITS], UINT64_C(1)
                                                                             << (port % WORD_BITS));
    }
    return rc;
}

void hv_evtchn_mask(struct hv *hv, evtchn_port_t port)
{
    HV_ASSERT(port_valid(port));
    arch_atomic_set(&hv->shared->evtchn_mask[port / WORD_BITS], UINT64_C(1) << (port % WORD_BITS));
}

/* Xen tells nothing of an event that came while the port was masked: raise it here. */
void hv_evtchn_unmask(struct hv *hv, evtchn_port_t port)
{
    uint64_t bit = UINT64_C(1) << (port % WORD_BITS);
    unsigned word = port / WORD_BITS;

    HV_ASSERT(port_valid(port));
    arch_atomic_clear(&hv->shared->evtchn_mask[word], bit);
    if ((__atomic_load_n(&hv->shared->evtchn_pending[word], __ATOMIC_SEQ_CST) & bit) != 0) {
        arch_atomic_set(&hv->vcpu->evtchn_pending_sel, UINT64_C(1) << word);
    }
}

/** Take Xen's selector over. upcall_pending goes first: what comes later sets it again. */
static bool selector_take(struct hv *hv)
{
    if (__atomic_load_n(&hv->vcpu->evtchn_pending_sel, __ATOMIC_RELAXED) == 0) {
        return false;
    }
    __atomic_store_n(&hv->vcpu->evtchn_upcall_pending, 0, __ATOMIC_RELAXED);
    hv->evtchn_words |= __atomic_exchange_n(&hv->vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    return hv->evtchn_words != 0;
}

/** The bits of @word that are pending and not masked. */
static uint64_t word_ready(const struct hv *hv, unsigned word)
{
    return __atomic_load_n(&hv->shared->evtchn_pending[word], __ATOMIC_RELAXED) &
           ~hv->shared->evtchn_mask[word];
}

static void pending_clear(struct hv *hv, unsigned word, unsigned bit)
{
    arch_atomic_clear(&hv->shared->evtchn_pending[word], UINT64_C(1) << bit);
}

/** The next word at or after the current one, in a circle, that has been taken over. */
static void word_next(struct hv *hv)
{
    uint64_t words = hv->evtchn_words;
    uint64_t ahead = words >> hv->evtchn_word << hv->evtchn_word;
    unsigned word = (unsigned)__builtin_ctzll(ahead != 0 ? ahead : words);

    if (word != hv->evtchn_word) {
        hv->evtchn_word = word;
        hv->evtchn_left = UINT64_MAX;
    }
}

evtchn_port_t hv_evtchn_next(struct hv *hv)
{
    for (;;) {
        uint64_t ready;
        unsigned word, bit;

        if (hv->evtchn_words == 0 && !selector_take(hv)) {
            return 0;
        }
        word_next(hv);
        word = hv->evtchn_word;
        ready = word_ready(hv, word) & hv->evtchn_left;
        if (ready == 0) {
            /* what this round has passed may be pending anew, and its selector taken already */
            if (word_ready(hv, word) == 0) {
                hv->evtchn_words &= ~(UINT64_C(1) << word);
            }
            hv->evtchn_word = (word + 1) % WORDS;
            hv->evtchn_left = UINT64_MAX;
            continue;
        }
        bit = (unsigned)__builtin_ctzll(ready);
        hv->evtchn_left = bit == WORD_BITS - 1 ? 0 : UINT64_MAX << (bit + 1);
        pending_clear(hv, word, bit);
        if (word * WORD_BITS + bit != hv->timer_port) {
            return word * WORD_BITS + bit;
        }
        hv->timer_armed = HV_NEVER;
    }
}

bool evtchn_ready(struct hv *hv)
{
    uint64_t words;
    uint64_t timer_bit = UINT64_C(1) << (hv->timer_port % WORD_BITS);

    (void)selector_take(hv);
    for (words = hv->evtchn_words; words != 0; words &= words - 1) {
        unsigned word = (unsigned)__builtin_ctzll(words);
        uint64_t ready = word_ready(hv, word);

        if (word == hv->timer_port / WORD_BITS && (ready & timer_bit) != 0) {
            pending_clear(hv, word, hv->timer_port % WORD_BITS);
            hv->timer_armed = HV_NEVER;
            ready &= ~timer_bit;
        }
        if (ready != 0) {
            return true;
        }
        hv->evtchn_words &= ~(UINT64_C(1) << word);
    }
    return false;
}
