/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/export_tls.h
 * TLS 1.2 and 1.3 (GnuTLS) under an export's connection: the collector's certificate must be of a
 * trusted authority and for the name that was given; ours is shown if there is one.
 */
#ifndef ATOLL_EXPORT_TLS_H
#define ATOLL_EXPORT_TLS_H

#include <stdbool.h>
#include <stddef.h>

/** Files; NULL: the system's authorities, no certificate of ours. */
struct export_tls_files {
    const char *ca, *cert, *key;
};

struct export_tls_settings;

/**
 * Read the files. NULL: @why says what is wrong with which. A key is refused that is neither root's
 * nor ours, or that others may read: root's own may be for a group to read, nobody else's.
 */
struct export_tls_settings *export_tls_load(const struct export_tls_files *files, char *why,
                                            size_t size);
/** Read them again, for connections to come; false, with @why: they are as they were. */
bool export_tls_reload(struct export_tls_settings *settings, const struct export_tls_files *files,
                       char *why, size_t size);
void export_tls_unload(struct export_tls_settings *settings);

struct export_tls;

/** Begin on the connected socket @fd, which does not block, with the collector @host. NULL: no
 * memory. */
struct export_tls *export_tls_begin(struct export_tls_settings *settings, int fd, const char *host);

/** The handshake. 1: it is done; 0: not yet; -1: @why says what failed. */
int export_tls_handshake(struct export_tls *tls, char *why, size_t size);

/** Does it wait to write, within the handshake or not? */
bool export_tls_wants_write(const struct export_tls *tls);

/** As send(2): bytes taken, 0: none now, -1: it has ended, and @why says how. */
long export_tls_send(struct export_tls *tls, const void *data, size_t length, char *why,
                     size_t size);
/** Take in what has come, which is nothing but what TLS itself says. False: it has ended: @why. */
bool export_tls_receive(struct export_tls *tls, char *why, size_t size);

/** @polite: say goodbye. The socket stays open. */
void export_tls_end(struct export_tls *tls, bool polite);

#endif
