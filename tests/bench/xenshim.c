/* SPDX-License-Identifier: ISC */
/*
 * A preload library that lets the two upstream daemons, xenstored and oxenstored, run where there
 * is no Xen. It takes the place of the few calls they make of libxenctrl, libxengnttab and
 * libxenevtchn, and moves the files they open by fixed name into the folder $XENSHIM_DIR:
 *
 *   socket       the daemon's socket
 *   xsd_kva      dom0's ring, one page, as /proc/xen/xsd_kva gives it to the daemon
 *   xsd_port     dom0's port, as /proc/xen/xsd_port
 *   evtchn.in    a FIFO in the place of /dev/xen/evtchn: a client writes a port (uint32_t), the
 *                daemon reads it
 *   evtchn.out   a FIFO with the ports that the daemon notified
 *
 * So a client can use the socket or, as a kernel would, the ring. Each call costs the daemon the
 * same number of system calls as on a real host: one read to take an event, one write to unmask
 * the port, one to notify; what they do in the kernel is cheaper than a hypercall.
 *
 * There is one domain, dom0: it is running and never dies.
 */
#undef _FILE_OFFSET_BITS /* open() and open64() must stay two symbols: both are wrapped */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define __XEN_TOOLS__ 1
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

enum {
    DOM0_PORT = 1,
    VIRQ_PORT = 2,
    SHIM_PAGE = 4096,
};

struct xenevtchn_handle {
    int in;
    int out;
    int null;
};

struct xengntdev_handle {
    int unused;
};

/* Handles that are compared with NULL and closed, never looked into. */
static struct xenevtchn_handle evtchn = {-1, -1, -1};
static struct xengntdev_handle gnttab;
static char hypervisor;

static const char *shim_dir(void)
{
    const char *dir = getenv("XENSHIM_DIR");

    if (!dir) {
        fputs("xenshim: XENSHIM_DIR is not set\n", stderr);
        _exit(1);
    }
    return dir;
}

/* @path itself, or where a file of the host's own daemon is kept instead, in @buffer. */
static const char *redirect(const char *path, char buffer[SHIM_PAGE])
{
    static const char *const folders[] = {"/run/xenstored/",    "/var/run/xenstored/", "/run/xen/",
                                          "/var/run/xen/",      "/proc/xen/",          "/dev/xen/",
                                          "/var/lib/xenstored/"};

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        size_t length = strlen(folders[i]);

        if (!strncmp(path, folders[i], length)) {
            snprintf(buffer, SHIM_PAGE, "%s/%s", shim_dir(), path + length);
            return buffer;
        }
    }
    return path;
}

static void *next_symbol(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (!symbol) {
        fprintf(stderr, "xenshim: no %s\n", name);
        _exit(1);
    }
    return symbol;
}

static int shim_open(const char *name, const char *path, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...) = next_symbol(name);
    char buffer[SHIM_PAGE];

    return real(redirect(path, buffer), flags, mode);
}

static mode_t open_mode(int flags, va_list args)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = open_mode(flags, args);
    va_end(args);
    return shim_open("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = open_mode(flags, args);
    va_end(args);
    return shim_open("open64", path, flags, mode);
}

int unlink(const char *path)
{
    int (*real)(const char *) = next_symbol("unlink");
    char buffer[SHIM_PAGE];

    return real(redirect(path, buffer));
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t) = next_symbol("mkdir");

    /* The daemons make their fixed folders at start: never touch the host's. */
    if (!strncmp(path, "/run/xen", 8) || !strncmp(path, "/var/run/xen", 12) ||
        !strncmp(path, "/var/lib/xen", 12)) {
        return 0;
    }
    return real(path, mode);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    int (*real)(int, const struct sockaddr *, socklen_t) = next_symbol("bind");
    struct sockaddr_un moved = {.sun_family = AF_UNIX};
    char buffer[SHIM_PAGE];
    const char *path;

    if (address->sa_family != AF_UNIX) {
        return real(fd, address, length);
    }
    path = redirect(((const struct sockaddr_un *)(const void *)address)->sun_path, buffer);
    if (strlen(path) >= sizeof(moved.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(moved.sun_path, path, strlen(path));
    return real(fd, (const struct sockaddr *)(const void *)&moved, sizeof(moved));
}

/* oxenstored insists on raising its limits, which a container may forbid. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    int (*real)(__rlimit_resource_t, const struct rlimit *) = next_symbol("setrlimit");

    (void)!real(resource, limit);
    return 0;
}

static int shim_fifo(const char *name)
{
    char path[SHIM_PAGE];

    snprintf(path, sizeof(path), "%s/%s", shim_dir(), name);
    if (mkfifo(path, 0600) && errno != EEXIST) {
        return -1;
    }
    /* Open for both, so that it neither waits for the other end nor ever reports its closing. */
    return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static void shim_file(const char *name, const char *text, off_t size)
{
    char path[SHIM_PAGE];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", shim_dir(), name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) < 0 || ftruncate(fd, size)) {
        perror(path);
        _exit(1);
    }
    close(fd);
}

__attribute__((constructor)) static void shim_start(void)
{
    shim_file("xsd_kva", "", SHIM_PAGE);
    shim_file("xsd_port", "1", 1);
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    evtchn.in = shim_fifo("evtchn.in");
    evtchn.out = shim_fifo("evtchn.out");
    evtchn.null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return evtchn.in < 0 || evtchn.out < 0 || evtchn.null < 0 ? NULL : &evtchn;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned open_flags)
{
    errno = ENOSYS; /* for a live update, which is not done here */
    return NULL;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return xce->in;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)!write(xce->out, &port, sizeof(port)); /* a full FIFO is an event that is pending */
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
                                                     evtchn_port_t remote_port)
{
    return DOM0_PORT;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
    return VIRQ_PORT;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    evtchn_port_t port;

    return read(xce->in, &port, sizeof(port)) == (ssize_t)sizeof(port)
               ? (xenevtchn_port_or_error_t)port
               : -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    return write(xce->null, &port, sizeof(port)) == (ssize_t)sizeof(port) ? 0 : -1;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned open_flags)
{
    return &gnttab;
}

int xengnttab_close(xengnttab_handle *xgt)
{
    return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
    return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
    void *page = mmap(NULL, SHIM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? NULL : page;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
    return munmap(start_address, (size_t)count * SHIM_PAGE);
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger,
                                unsigned open_flags)
{
    return (xc_interface *)(void *)&hypervisor;
}

int xc_interface_close(xc_interface *xch)
{
    return 0;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first_domid, unsigned int max_doms,
                      xc_dominfo_t *info)
{
    if (first_domid > 0 || !max_doms) {
        return 0;
    }
    memset(info, 0, sizeof(*info));
    info->running = 1;
    return 1;
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain, unsigned int max_domains,
                          xc_domaininfo_t *info)
{
    if (first_domain > 0 || !max_domains) {
        return 0;
    }
    memset(info, 0, sizeof(*info));
    info->flags = XEN_DOMINF_running;
    return 1;
}
