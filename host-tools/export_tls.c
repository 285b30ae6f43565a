/* SPDX-License-Identifier: ISC */
#include "export_tls.h"
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRIORITY "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct credentials {
    gnutls_certificate_credentials_t gnutls;
    unsigned users; /* sessions, and the settings themselves */
};

struct export_tls_settings {
    struct credentials *credentials;
};

struct export_tls {
    gnutls_session_t session;
    struct credentials *credentials;
    bool sending; /* a record is half out: it goes on before anything else */
};

static void release(struct credentials *credentials)
{
    if (!credentials || --credentials->users)
        return;
    gnutls_certificate_free_credentials(credentials->gnutls);
    free(credentials);
}

static int load_ca(gnutls_certificate_credentials_t gnutls, const char *file, char *why,
                   size_t size)
{
    const int rc = file ? gnutls_certificate_set_x509_trust_file(gnutls, file, GNUTLS_X509_FMT_PEM)
                        : gnutls_certificate_set_x509_system_trust(gnutls);

    if (rc > 0)
        return 0;
    if (rc < 0)
        snprintf(why, size, "cannot read the authorities in %s (%s)",
                 file ? file : "the system's store", gnutls_strerror(rc));
    else
        snprintf(why, size, "there is no authority's certificate in %s",
                 file ? file : "the system's store; name one by --ca");
    return -1;
}

/* A key that others can read is theirs. Root's may be for a group, as Debian's ssl-cert has it. */
static int check_key(const char *file, char *why, size_t size)
{
    struct stat st;
    unsigned open;

    if (stat(file, &st)) {
        snprintf(why, size, "cannot read %s (%m)", file);
        return -1;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        snprintf(why, size,
                 "the key in %s is user %u's, who can change it; it is to be root's or of the user "
                 "who exports (chown)",
                 file, (unsigned)st.st_uid);
        return -1;
    }
    open = st.st_mode & (st.st_uid == 0 ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO);
    if (!open)
        return 0;
    snprintf(why, size, "the key in %s has mode %04o and is no secret; chmod %s it", file,
             (unsigned)st.st_mode & 07777u, st.st_uid == 0 ? "600 (or 640)" : "600");
    return -1;
}

static struct credentials *load(const struct export_tls_files *files, char *why, size_t size)
{
    struct credentials *c = calloc(1, sizeof(*c));
    int rc;

    if (files->key && check_key(files->key, why, size)) {
        free(c);
        return NULL;
    }
    if (!c || gnutls_certificate_allocate_credentials(&c->gnutls) < 0) {
        snprintf(why, size, "out of memory");
        free(c);
        return NULL;
    }
    c->users = 1;
    if (load_ca(c->gnutls, files->ca, why, size)) {
        release(c);
        return NULL;
    }
    if (!files->cert)
        return c;
    if (access(files->cert, R_OK) || access(files->key, R_OK)) {
        snprintf(why, size, "cannot read %s (%m)",
                 access(files->cert, R_OK) ? files->cert : files->key);
        release(c);
        return NULL;
    }
    rc = gnutls_certificate_set_x509_key_file(c->gnutls, files->cert, files->key,
                                              GNUTLS_X509_FMT_PEM);
    if (rc >= 0)
        return c;
    snprintf(why, size, "the certificate in %s or its key in %s is not good (%s)", files->cert,
             files->key, gnutls_strerror(rc));
    release(c);
    return NULL;
}

struct export_tls_settings *export_tls_load(const struct export_tls_files *files, char *why,
                                            size_t size)
{
    struct export_tls_settings *settings = calloc(1, sizeof(*settings));

    if (settings)
        settings->credentials = load(files, why, size);
    else
        snprintf(why, size, "out of memory");
    if (settings && settings->credentials)
        return settings;
    free(settings);
    return NULL;
}

bool export_tls_reload(struct export_tls_settings *settings, const struct export_tls_files *files,
                       char *why, size_t size)
{
    struct credentials *fresh = load(files, why, size);

    if (!fresh)
        return false;
    release(settings->credentials);
    settings->credentials = fresh;
    return true;
}

void export_tls_unload(struct export_tls_settings *settings)
{
    if (!settings)
        return;
    release(settings->credentials);
    free(settings);
}

struct export_tls *export_tls_begin(struct export_tls_settings *settings, int fd, const char *host)
{
    struct export_tls *tls = calloc(1, sizeof(*tls));
    uint8_t address[16];

    if (!tls)
        return NULL;
    tls->credentials = settings->credentials;
    tls->credentials->users++;
    if (gnutls_init(&tls->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0 ||
        gnutls_priority_set_direct(tls->session, PRIORITY, NULL) < 0 ||
        gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, tls->credentials->gnutls) <
            0) {
        export_tls_end(tls, false);
        return NULL;
    }
    /* Addresses are no server names (RFC 6066, 3); certificates may be for them all the same. */
    if (inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1)
        gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, host, strlen(host));
    gnutls_session_set_verify_cert(tls->session, host, 0);
    gnutls_transport_set_int(tls->session, fd);
    return tls;
}

static void explain(struct export_tls *tls, int rc, char *why, size_t size)
{
    gnutls_datum_t text;

    if (rc == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR &&
        gnutls_certificate_verification_status_print(
            gnutls_session_get_verify_cert_status(tls->session),
            gnutls_certificate_type_get2(tls->session, GNUTLS_CTYPE_SERVER), &text, 0) >= 0) {
        snprintf(why, size, "its certificate is refused: %s", (const char *)text.data);
        gnutls_free(text.data);
    } else if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
        const char *name = gnutls_alert_get_name(gnutls_alert_get(tls->session));

        snprintf(why, size, "it ended TLS: %s", name ? name : "an alert of no name");
    } else {
        snprintf(why, size, "TLS: %s", gnutls_strerror(rc));
    }
}

int export_tls_handshake(struct export_tls *tls, char *why, size_t size)
{
    const int rc = gnutls_handshake(tls->session);

    if (rc == 0)
        return 1;
    if (!gnutls_error_is_fatal(rc))
        return 0;
    explain(tls, rc, why, size);
    /* Tell it why it is left. */
    gnutls_alert_send_appropriate(tls->session, rc);
    return -1;
}

bool export_tls_wants_write(const struct export_tls *tls)
{
    return gnutls_record_get_direction(tls->session) == 1;
}

long export_tls_send(struct export_tls *tls, const void *data, size_t length, char *why,
                     size_t size)
{
    const long rc =
        gnutls_record_send(tls->session, tls->sending ? NULL : data, tls->sending ? 0 : length);

    tls->sending = rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED;
    if (rc >= 0 || !gnutls_error_is_fatal((int)rc))
        return rc < 0 ? 0 : rc;
    explain(tls, (int)rc, why, size);
    return -1;
}

bool export_tls_receive(struct export_tls *tls, char *why, size_t size)
{
    char data[4096];
    long rc;

    /* Bounded: who sends without end is heard again the next time. */
    for (unsigned i = 0; i < 16; i++) {
        rc = gnutls_record_recv(tls->session, data, sizeof(data));
        if (rc > 0)
            continue;
        if (rc < 0 && !gnutls_error_is_fatal((int)rc))
            return true;
        if (rc == 0)
            snprintf(why, size, "it has closed the connection");
        else
            explain(tls, (int)rc, why, size);
        return false;
    }
    return true;
}

void export_tls_end(struct export_tls *tls, bool polite)
{
    if (!tls)
        return;
    if (tls->session) {
        if (polite)
            gnutls_bye(tls->session, GNUTLS_SHUT_WR);
        gnutls_deinit(tls->session);
    }
    release(tls->credentials);
    free(tls);
}
