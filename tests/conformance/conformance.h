/* SPDX-License-Identifier: ISC */
/**
 * @file conformance.h
 * The contract of hv/include/hv/, as tests that run on every platform: the same source on the
 * simulator and as an image on real Xen, so that the one cannot drift from the other.
 *
 * The words of the domain's command line say what the platform offers:
 *   xs          the domain has the flag xs_domain: it may ask about domains and bind VIRQ_DOM_EXC
 *   peer=DOMID  that domain runs conformance_serve(): cases that need a second domain run, too
 *   serve=DOMID (of the second domain) the domain to serve
 *   event=PORT, --event PORT   dom0 made this port for us and grants its XenStore ring as reference
 *               1, as for every XenStore domain: cases against a Linux dom0 run, too
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>

/**
 * Run all cases that the command line allows. Each writes one line to the console, "pass NAME" or
 * "FAIL NAME: where and what"; the last line is "conformance: N passed, M failed".
 * Returns the number of failures.
 */
int conformance_run(struct hv *hv);

/** The second domain: does what the first one asks for through a shared page. */
struct conformance_server {
    struct hv *hv;
    struct conformance_page *page; /**< granted to the client, both write it */
    char *pages;                   /**< what the client asks about; see peer.h */
    evtchn_port_t port;
    uint32_t served;
    bool hangs; /**< it was told to, until its watchdog ends it */
};

/** Set up. @client is the domain that runs conformance_run(). 0, or a negative errno value. */
int conformance_serve(struct conformance_server *server, struct hv *hv, domid_t client);

/** Serve what there is. Returns a deadline for hv_wait(), always HV_NEVER. */
uint64_t conformance_serve_step(struct conformance_server *server);

/**
 * The hv_main() of the image: conformance_run() or conformance_serve() as the command line says,
 * then hv_exit(), HV_EXIT_CRASH where a case failed.
 */
_Noreturn void conformance_main(struct hv *hv);

#endif
