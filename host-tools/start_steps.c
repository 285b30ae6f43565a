/* SPDX-License-Identifier: ISC */
#include "start_steps.h"
#include "host.h"
#include "image_keep.h"
#include "interrupt.h"
#include <errno.h>
#include <string.h>
#include <time.h>

static int load_image(struct start *s)
{
    char why[256];

    if (image_load(s->opt->kernel, s->opt->memory_mb, &s->image, why, sizeof(why)))
        return report_fail(s->r, ATOLL_BAD_IMAGE, "%s %s", s->opt->kernel, why);
    report_step(s->r, "image checked: %zu bytes, needs memory %#llx to %#llx, entry %#x",
                s->image.size, (unsigned long long)s->image.start_addr,
                (unsigned long long)s->image.end_addr, s->image.entry);
    return 0;
}

static int check_cpus(struct report *r, xc_interface *xch, const struct start_options *opt)
{
    const int there = opt->cpus ? xc_get_max_cpus(xch) : 0;

    for (int cpu = 0; cpu < there && cpu < (int)CONFIG_CPUS_MAX; cpu++) {
        if (opt->cpus[cpu / 8] & (1u << (cpu % 8)))
            return 0;
    }
    if (there <= 0) /* all will do, or Xen does not say */
        return 0;
    return report_fail(r, ATOLL_BAD_CONFIG,
                       "this host has none of the processors in `cpus`; it has 0 to %d", there - 1);
}

int start_check(struct report *r, xc_interface *xch, const struct start_options *opt)
{
    struct start s = {.r = r, .opt = opt};
    int rc = load_image(&s);

    image_free(&s.image);
    return rc ? rc : check_cpus(r, xch, opt);
}

int start_begin(struct start *s, struct report *r, const struct start_options *opt)
{
    int rc;

    memset(s, 0, sizeof(*s));
    s->r = r;
    s->opt = opt;
    s->store.fd = -1;
    rc = load_image(s);
    if (!rc)
        rc = host_open(r, &s->xch);
    if (!rc)
        rc = check_cpus(r, s->xch, opt);
    if (!rc && !opt->locked)
        rc = host_lock(r, opt->service);
    if (rc)
        return rc;
    domain_builder_init(&s->builder, s->xch);
    s->config = (struct domain_config){
        .image = &s->image,
        .memory_mb = start_memory_mb(opt),
        .journal_pages = opt->journal_kib / 4,
        .domid = opt->domid,
        .flask_label = opt->flask,
        .cpus = opt->cpus,
        .weight = (uint16_t)opt->weight,
        .cpu_count = CONFIG_CPUS_MAX,
    };
    return 0;
}

int start_builder_failed(struct start *s, int error)
{
    if (error == -EPERM || error == -EACCES)
        return report_fail(s->r, ATOLL_NO_RIGHTS, "%s failed (%s); Xen's policy forbids it",
                           s->builder.failed, strerror(-error));
    if (error == -EEXIST && s->opt->domid)
        return report_fail(s->r, ATOLL_FAILURE, "%s failed: domid %u is in use; choose another",
                           s->builder.failed, s->opt->domid);
    return report_fail(s->r, ATOLL_FAILURE,
                       "%s failed (%s); nothing was left behind, -vv says more", s->builder.failed,
                       strerror(-error));
}

void start_hold_signals(struct start *s)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigprocmask(SIG_BLOCK, &held, &s->signals);
    s->held = true;
}

int start_create(struct start *s)
{
    const struct start_options *opt = s->opt;
    int rc = 0;

    if (s->config.predecessor)
        domain_follow_handle(&s->builder, s->config.predecessor);
    else
        rc = domain_choose_handle(&s->builder);
    if (rc)
        return start_builder_failed(s, rc);
    s->record.memory_mb = s->config.memory_mb;
    s->record.state_version = s->config.journal_pages ? s->image.state_writes : 0;
    memcpy(s->record.handle, s->builder.handle, sizeof(s->record.handle));
    snprintf(s->record.service, sizeof(s->record.service), "%s", opt->service);
    snprintf(s->record.kernel, sizeof(s->record.kernel), "%s", opt->kernel);
    start_hold_signals(s);
    rc = record_write(s->r, &s->record);
    if (rc)
        return rc;
    rc = domain_create(&s->builder, &s->config);
    if (rc)
        return start_builder_failed(s, rc);
    s->record.domid = s->builder.domid;
    report_step(s->r, "domain %u created", s->builder.domid);
    return 0;
}

int start_load(struct start *s, const char *cmdline)
{
    int rc;

    snprintf(s->record.cmdline, sizeof(s->record.cmdline), "%s", cmdline);
    rc = domain_load(&s->builder, &s->config, s->record.cmdline);
    if (rc)
        return start_builder_failed(s, rc);
    s->record.console_gfn = s->builder.console_gfn;
    s->record.console_port = s->builder.console_port;
    s->record.journal_gfn = s->builder.journal_gfn;
    s->record.journal_pages = s->config.journal_pages;
    if (s->builder.store_port)
        s->record.store_port = s->builder.store_port;
    report_step(s->r, "memory and image in place, command line \"%s\"", s->record.cmdline);
    return record_write(s->r, &s->record);
}

void start_take_interrupts(struct start *s)
{
    sigset_t taken;

    interrupt_install();
    sigemptyset(&taken);
    sigaddset(&taken, SIGINT);
    sigaddset(&taken, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &taken, NULL);
}

bool start_interrupted(void)
{
    sigset_t pending;

    if (interrupt_pending())
        return true;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
            sigismember(&pending, SIGHUP) == 1);
}

int start_no_answer(struct start *s, const char *what, const char *advice)
{
    const int code = report_fail(s->r, ATOLL_NO_ANSWER, "%s; %s", what, advice);

    if (!host_show_console(s->r, s->builder.domid, s->builder.console_gfn))
        fprintf(
            s->r->out,
            "    (nothing is left on its console; see xenconsoled's log of it and `xl dmesg`)\n");
    return code;
}

int start_record(struct start *s)
{
    s->record.started = (uint64_t)time(NULL);
    memset(s->record.predecessor, 0, sizeof(s->record.predecessor));
    image_keep(s->r, &s->record, &s->image);
    return record_write(s->r, &s->record);
}

void start_undo(struct start *s)
{
    domain_undo(&s->builder);
    if (s->held)
        record_remove(s->opt->service);
}

void start_end(struct start *s)
{
    domain_finish(&s->builder);
    store_close(&s->store);
    if (s->xch)
        xc_interface_close(s->xch);
    image_free(&s->image);
    if (s->held)
        sigprocmask(SIG_SETMASK, &s->signals, NULL);
    s->held = false;
}
