/* SPDX-License-Identifier: ISC */
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/io/console.h>
#include <xenforeignmemory.h>

int host_open(struct report *r, xc_interface **xch)
{
    errno = 0;
    *xch = xc_interface_open(&r->logger, &r->logger, 0);
    if (*xch)
        return 0;
    r->log_len = 0; /* the library's lines say less than ours */
    if (errno == EACCES || errno == EPERM)
        return report_fail(r, ATOLL_NO_RIGHTS,
                           "no right to control Xen (/dev/xen/privcmd: %s); run it as root",
                           strerror(errno));
    return report_fail(r, ATOLL_NO_XEN,
                       "no Xen here (/dev/xen/privcmd: %s); boot this host under Xen, or load the "
                       "module xen-privcmd",
                       strerror(errno ? errno : ENODEV));
}

typedef bool domain_test(const xc_domaininfo_t *info, const void *context);

/* The first domain that passes @test, or @none. */
static int find_domain(struct report *r, xc_interface *xch, domain_test *test, const void *context,
                       uint32_t none, uint32_t *domid)
{
    xc_domaininfo_t info[16];
    uint32_t next = 0;
    int n;

    *domid = none;
    errno = 0;
    while ((n = xc_domain_getinfolist(xch, next, sizeof(info) / sizeof(info[0]), info)) > 0) {
        for (int i = 0; i < n; i++) {
            if (test(&info[i], context)) {
                *domid = info[i].domain;
                return 0;
            }
        }
        next = info[n - 1].domain + 1u;
    }
    if (n == 0 || errno == ESRCH)
        return 0;
    if (errno == EPERM || errno == EACCES)
        return report_fail(r, ATOLL_NO_RIGHTS,
                           "Xen lets this domain ask nothing of others (%s); run it in dom0",
                           strerror(errno));
    return report_fail(r, ATOLL_FAILURE,
                       "cannot list the domains (%s); do these tools match the running Xen?",
                       strerror(errno));
}

static bool is_store_domain(const xc_domaininfo_t *info, const void *context)
{
    (void)context;
    return info->flags & XEN_DOMINF_xs_domain;
}

int host_find_store_domain(struct report *r, xc_interface *xch, uint32_t *domid)
{
    return find_domain(r, xch, is_store_domain, NULL, HOST_NO_DOMAIN, domid);
}

static bool has_handle(const xc_domaininfo_t *info, const void *context)
{
    return memcmp(info->handle, context, sizeof(info->handle)) == 0;
}

int host_find_domain(struct report *r, xc_interface *xch, const uint8_t handle[16], uint32_t *domid)
{
    return find_domain(r, xch, has_handle, handle, 0, domid);
}

#define LOCK_PATH HOST_RUN_DIR "/atoll-%s.lock"

int host_lock_try(const char *service)
{
    char path[128];
    int fd, error;

    snprintf(path, sizeof(path), LOCK_PATH, service);
    fd = mkdir(HOST_RUN_DIR, 0755) && errno != EEXIST
             ? -1
             : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        error = errno;
        close(fd);
        return error == EAGAIN ? -EWOULDBLOCK : -error;
    }
    return fd;
}

int host_lock(struct report *r, const char *service)
{
    const int lock = host_lock_try(service);

    if (lock == -EWOULDBLOCK)
        return report_fail(r, ATOLL_RUNNING,
                           "another command is starting or stopping it; wait for that");
    if (lock < 0)
        return report_fail(r, lock == -EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot make the lock " LOCK_PATH " (%s); run it as root", service,
                           strerror(-lock));
    return 0; /* it stays open until the process ends */
}

static bool socket_accepts(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    bool accepts;
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path))
        return false;
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    /* EAGAIN: somebody listens and is too busy to accept. */
    accepts = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN;
    close(fd);
    return accepts;
}

const char *host_store_daemon_socket(void)
{
    static const char *const known[] = {"/var/run/xenstored/socket", "/run/xenstored/socket"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (socket_accepts(known[i]))
            return known[i];
    }
    return NULL;
}

enum host_domain_state host_domain_state(xc_interface *xch, uint32_t domid, const char **reason)
{
    static const char *const reasons[] = {"powered off", "rebooted", "was suspended",
                                          "crashed",     "hung",     "was reset"};
    xc_domaininfo_t info;
    unsigned why;

    if (xc_domain_getinfolist(xch, domid, 1, &info) != 1 || info.domain != domid)
        return HOST_DOMAIN_GONE;
    if (info.flags & XEN_DOMINF_dying)
        return HOST_DOMAIN_GONE;
    if ((info.flags & XEN_DOMINF_paused) && info.cpu_time == 0)
        return HOST_DOMAIN_UNBORN;
    if (!(info.flags & XEN_DOMINF_shutdown))
        return HOST_DOMAIN_RUNS;
    why = (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    *reason = why < sizeof(reasons) / sizeof(reasons[0]) ? reasons[why] : "ended";
    return HOST_DOMAIN_ENDED;
}

/* Copy what the domain has written and nobody has read yet. The ring is the domain's: hostile. */
static size_t copy_console(const volatile struct xencons_interface *ring, char *out)
{
    const XENCONS_RING_IDX cons = ring->out_cons, prod = ring->out_prod;
    const size_t size = sizeof(ring->out);
    size_t len = (size_t)(XENCONS_RING_IDX)(prod - cons);

    if (len > size)
        len = size; /* wild indices: show the whole ring, it cannot harm */
    for (size_t i = 0; i < len; i++)
        out[i] = ring->out[(prod - (XENCONS_RING_IDX)len + i) % size];
    return len;
}

static void show_lines(FILE *out, const char *text, size_t len)
{
    bool line_start = true;

    for (size_t i = 0; i < len; i++) {
        const char ch = text[i];

        if (ch == '\r')
            continue;
        if (line_start)
            fputs("    | ", out);
        line_start = ch == '\n';
        fputc(line_start || (ch >= ' ' && ch <= '~') ? ch : '.', out);
    }
    if (!line_start)
        fputc('\n', out);
}

bool host_show_console(struct report *r, uint32_t domid, xen_pfn_t gfn)
{
    char text[sizeof(((struct xencons_interface *)NULL)->out)];
    xenforeignmemory_handle *fm = xenforeignmemory_open(&r->logger, 0);
    size_t len = 0;
    void *page;

    if (!fm)
        return false;
    page = xenforeignmemory_map(fm, domid, PROT_READ, 1, &gfn, NULL);
    if (page) {
        len = copy_console(page, text);
        xenforeignmemory_unmap(fm, page, 1);
        show_lines(r->out, text, len);
    }
    xenforeignmemory_close(fm);
    return len > 0;
}
