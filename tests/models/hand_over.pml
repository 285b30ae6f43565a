/* SPDX-License-Identifier: ISC */
/*
 * The hand-over of one client's ring from a service that ends at any store to its successor, by the
 * ring and the journal alone: see docs/recovery.md, "The order of the stores".
 *
 * The client sends REQUESTS requests, each of one byte in the request ring; each has an effect, and
 * an answer of ANSWER bytes, which shows in the response ring in one or two steps. The service may
 * end before any of its stores, CRASHES times in all. What is assured: each request takes effect
 * exactly once, and the client gets each byte of each answer exactly once and in order.
 *
 * Indices run free, as in the ring. A frame of the journal counts as a whole: common/journal.h, and
 * its tests, see to that; so a commit is one step here.
 */
#define REQUESTS 3
#define ANSWER   2
#define ROOM     3 /* bytes of the response ring */
#define CRASHES  3

/* In the page that client and service share. */
byte req_cons, req_prod, rsp_cons, rsp_prod;

/* The journal: effects so far; the requests that are done; where the bytes of the answers end. */
byte effects, done, out_to;

/* What the ring holds: byte i of all answers is i. A byte that was sent twice or left out shows. */
byte ring[ROOM];
byte crashes;



/* Send what waits, as far as there is room. */
inline flush() {
    do
    :: rsp_prod != out_to && rsp_prod - rsp_cons < ROOM ->
#ifdef BROKEN_INDEX
        rsp_prod++;
        maybe_end();
        ring[(rsp_prod - 1) % ROOM] = rsp_prod - 1;
#else
        ring[rsp_prod % ROOM] = rsp_prod;
        maybe_end();
        rsp_prod++;
#endif
        maybe_end()
    :: else -> break
    od
}

inline maybe_end() {
    if
    :: crashes < CRASHES -> crashes++; goto start
    :: skip
    fi
}

active proctype service() {
start:
    /* The successor, and the first one: what the journal has done is done, whatever the ring says. */
#ifndef BROKEN_REPAIR
    if
    :: req_cons != done -> req_cons = done
    :: else
    fi;
#endif
    do
    :: rsp_prod != out_to ->
        rsp_prod - rsp_cons < ROOM;
        flush()
    :: rsp_prod == out_to && req_cons != req_prod ->
        /* the commit: effect, answer and what it answers, at once */
        d_step {
            assert(effects == done);
            effects++;
            done = req_cons + 1;
#ifndef BROKEN_COMMIT
            out_to = rsp_prod + ANSWER
#endif
        }
#ifdef BROKEN_COMMIT
        maybe_end();
        out_to = rsp_prod + ANSWER;
#endif
        maybe_end();
        flush();
        maybe_end();
        req_cons = done;
        maybe_end()
    :: effects == REQUESTS && rsp_cons == REQUESTS * ANSWER -> break
    od
}

active proctype client() {
    byte got;

    do
    :: req_prod < REQUESTS && req_prod - req_cons < 2 -> req_prod++
    :: rsp_prod != rsp_cons ->
        assert(ring[rsp_cons % ROOM] == got);
        got++;
        rsp_cons++
    :: got == REQUESTS * ANSWER -> break
    od;
    assert(req_prod == REQUESTS);
    effects == REQUESTS
}
