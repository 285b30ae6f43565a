/* SPDX-License-Identifier: ISC */
/* `atoll switch apply` and `atoll switch rules`: the desired state, to the switch and back. */
#include "feeds.h"
#include "rules_diff.h"
#include "rules_state.h"
#include "switch_commands.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OWN_CHECK, OWN_DIFF, OWN_DRY_RUN };

static const struct call_option apply_options[] = {
    [OWN_CHECK] = {"check", 'c', false},
    [OWN_DIFF] = {"diff", 0, false},
    [OWN_DRY_RUN] = {"dry-run", 0, false},
    {NULL, 0, false},
};

static bool checks(const struct call *call)
{
    return call->own[OWN_CHECK];
}

static bool compares(const struct call *call)
{
    return call->own[OWN_DIFF] || call->own[OWN_DRY_RUN];
}

#define STORE_TIMEOUT_MS 10000

/* One file on its way. */
struct application {
    const char *file;
    char *text;
    size_t length;
    struct rules *rules;
    struct rules_names names;
    struct rules_state before, state;
    int lock;
};

/* All of the file, or of standard input for "-". */
static int slurp(struct call *call, struct application *a)
{
    struct report *r = &call->session.report;
    const bool standard = strcmp(a->file, "-") == 0;
    FILE *f = standard ? stdin : fopen(a->file, "re");
    int error = 0;

    a->text = malloc(RULES_FILE_MAX + 1);
    if (!a->text)
        error = ENOMEM;
    if (f && a->text) {
        errno = 0;
        a->length = fread(a->text, 1, RULES_FILE_MAX + 1, f);
        if (ferror(f))
            error = errno ? errno : EIO;
    } else if (!error) {
        error = errno;
    }
    if (f && !standard)
        fclose(f);
    if (error)
        return report_fail(r, error == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot read %s (%s)", a->file, strerror(error));
    if (a->length > RULES_FILE_MAX)
        return report_fail(r, ATOLL_BAD_CONFIG, "%s: it has more than %u bytes; is this the file?",
                           a->file, RULES_FILE_MAX);
    return 0;
}

static int parse(struct call *call, struct application *a)
{
    struct rules_error error;
    const struct rules_resolver *resolver =
        checks(call) ? &rules_resolve_nothing : &a->names.resolver;

    if (!rules_file_parse(a->text, a->length, resolver, a->rules, &error))
        return 0;
    if (error.line)
        return report_fail(&call->session.report, ATOLL_BAD_CONFIG, "%s:%d: %s", a->file,
                           error.line, error.text);
    return report_fail(&call->session.report, ATOLL_BAD_CONFIG, "%s: %s", a->file, error.text);
}

static int begin(struct call *call, struct application *a)
{
    struct report *r = &call->session.report;
    int rc;

    a->lock = -1;
    rules_names_init(&a->names);
    a->names.service = feeds_service;
    a->names.services = &call->session.config;
    a->rules = rules_create();
    rc = a->rules ? slurp(call, a) : report_fail(r, ATOLL_FAILURE, "out of memory");
    if (rc || checks(call))
        return rc ? rc : parse(call, a);
    if (!compares(call))
        rc = rules_state_lock(r, call->settings->name, &a->lock);
    if (!rc) {
        /* A damaged one is replaced; it was told. */
        if (rules_state_read(r, call->settings->name, &a->before) == 1) {
            a->names.known_guests = a->before.guests;
            a->names.known_domains = a->before.domains;
        }
        rc = parse(call, a);
    }
    return rc;
}

static void end(struct application *a)
{
    if (a->lock >= 0)
        close(a->lock);
    rules_state_free(&a->before);
    rules_state_free(&a->state);
    rules_names_free(&a->names);
    rules_release(a->rules);
    free(a->text);
}

/* What is to be kept of it. */
static int make_state(struct call *call, struct application *a, uint64_t generation)
{
    char *source = strcmp(a->file, "-") == 0 ? NULL : realpath(a->file, NULL);
    json_error_t error;

    a->state.file = json_loadb(a->text, a->length, JSON_REJECT_DUPLICATES, &error);
    a->state.guests = json_incref(a->names.guests);
    a->state.domains = json_incref(a->names.domains);
    a->state.source = source ? source : strdup("standard input");
    a->state.applied = (uint64_t)time(NULL);
    a->state.generation =
        1 + (generation > a->before.generation ? generation : a->before.generation);
    if (!a->state.file || !a->state.source ||
        !rules_state_digest(a->state.file, a->state.guests, a->state.domains, a->state.digest))
        return report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");
    a->rules->generation = a->state.generation;
    strcpy(a->rules->digest, a->state.digest);
    return 0;
}

static void say_applied(struct call *call, struct application *a,
                        const struct control_answer *answer)
{
    if (call_print_json(call, &answer->fields))
        return;
    printf("%s: generation %llu is in force: %u ports, of which %llu are there; %u bridges, %u "
           "mirrors\n",
           call->settings->name, (unsigned long long)a->state.generation, a->rules->port_count,
           (unsigned long long)control_number(&answer->fields, CONTROL_F_MATCHED, 0),
           a->rules->bridge_count, a->rules->mirror_count);
}

/* Services that read mirrors are told which. */
static void tell_readers(struct call *call, struct application *a)
{
    struct report *r = &call->session.report;
    int rc = 0;

    if (!json_object_get(a->state.file, "mirrors") && !json_object_get(a->before.file, "mirrors"))
        return;
    if (!a->names.opened)
        rc = store_open(&a->names.store, STORE_DEVICE, STORE_TIMEOUT_MS);
    if (!rc)
        rc = feeds_sync(r, &a->names.store, NULL, NULL);
    if (rc)
        report_note(r, "XenStore could not be told which mirrors feed services (%s)",
                    strerror(-rc));
}

static int apply(struct call *call, struct application *a)
{
    struct report *r = &call->session.report;
    struct control_answer answer;
    uint64_t generation;
    char digest[65];
    int rc = rules_in_force(call->client, &generation, digest);

    if (!rc)
        rc = make_state(call, a, generation);
    if (!rc)
        rc = rules_state_prepare(r, call->settings->name, &a->state);
    if (rc)
        return rc;
    report_step(r, "kept in %s", rules_state_dir());
    rc = rules_give(r, call->client, a->rules, &answer);
    if (rc) {
        rules_state_abandon(call->settings->name);
        return rc;
    }
    report_step(r, "in force");
    say_applied(call, a, &answer);
    rc = rules_state_commit(r, call->settings->name);
    if (!rc)
        tell_readers(call, a);
    return rc;
}

/* --- what is in force ---------------------------------------------------------------------------
 */

static int take_rules(struct call *call, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct rules_decoder *decoder = call->context;
    struct control_field field;
    int rc = 0;

    while (!rc && control_next(&reader, &field)) {
        if (field.tag == CONTROL_F_DATA)
            rc = rules_decode(decoder, field.value, field.length);
    }
    return rc ? report_fail(&call->session.report, ATOLL_FAILURE,
                            "the service's rules cannot be read (%s); does its version fit this "
                            "tool's?",
                            decoder->error)
              : 0;
}

/* The rules in force, or ones that say nothing; *@any tells. */
static int fetch(struct call *call, struct rules *rules, bool *any)
{
    struct rules_decoder *decoder = calloc(1, sizeof(*decoder));
    int rc;

    *any = false;
    if (!decoder)
        return report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");
    rules_decoder_init(decoder, rules);
    call->context = decoder;
    control_client_begin(call->client, CONTROL_T_SWITCH_RULES);
    rc = call_stream(call, 0, take_rules);
    *any = decoder->head;
    if (!rc && *any && rules_decode_end(decoder))
        rc = report_fail(&call->session.report, ATOLL_FAILURE,
                         "the service's rules are not whole (%s)", decoder->error);
    call->context = NULL;
    free(decoder);
    return rc;
}

static int run_rules(struct call *call)
{
    struct rules *rules = rules_create();
    bool any;
    int rc = rules ? fetch(call, rules, &any)
                   : report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");

    if (!rc && !any)
        report_note(&call->session.report, "no rules are in force");
    if (!rc)
        output_json(stdout, rules_file_json(rules), true);
    rules_release(rules);
    return rc;
}

const struct call_command switch_rules = {
    .name = "switch rules",
    .service = SWITCH_SERVICE,
    .options = "",
    .help = "Usage: atoll switch rules [OPTION...]\n"
            "Show the rules in force, as a file that `atoll switch apply` takes; guests stand by\n"
            "their uuids.\n\n"
            "Options:\n"
            "  -s, --service NAME   of another switch than " SWITCH_SERVICE "\n"
            "  -v, --verbose        Xen's libraries speak, too\n"
            "  -h, --help           show this\n"
            "\nMore: atoll-switch(1), atoll-switch-rules(5).\n",
    .run = run_rules,
};

static int diff(struct call *call, struct application *a)
{
    struct rules *rules = rules_create();
    json_t *before = NULL, *after = NULL;
    bool any;
    int rc = rules ? fetch(call, rules, &any)
                   : report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");

    if (!rc) {
        before = rules_file_json(rules);
        after = rules_file_json(a->rules);
        rules_diff_show(before, after, stdout, call->json, call->colour);
    }
    json_decref(before);
    json_decref(after);
    rules_release(rules);
    return rc;
}

static int run_apply(struct call *call)
{
    struct application a = {.file = call->argv[0]};
    int rc = call_find(call);

    if (!rc)
        rc = begin(call, &a);
    if (!rc && checks(call) && call->json)
        output_json(stdout, rules_file_json(a.rules), true);
    else if (!rc && checks(call))
        printf("%s: sound: %u bridges, %u ports, %u mirrors\n", a.file, a.rules->bridge_count,
               a.rules->port_count, a.rules->mirror_count);
    if (!rc && !checks(call))
        rc = call_connect(call);
    if (!rc && !checks(call))
        rc = compares(call) ? diff(call, &a) : apply(call, &a);
    end(&a);
    return rc;
}

static int check_apply(struct call *call)
{
    return checks(call) && compares(call)
               ? call_usage(call, "--check and --diff exclude each other", NULL)
               : 0;
}

const struct call_command switch_apply = {
    .name = "switch apply",
    .service = SWITCH_SERVICE,
    .options = "j",
    .own = apply_options,
    .args_min = 1,
    .args_max = 1,
    .alone = true,
    .help = "Usage: atoll switch apply [OPTION...] FILE\n"
            "Put the rules in FILE (-: standard input) in force, in the place of those that are:\n"
            "all of them, from one frame to the next, or none. They are kept, and given to the\n"
            "switch again when it was started anew.\n\n"
            "Options:\n"
            "  -c, --check          only look whether the file is sound; needs neither switch nor\n"
            "                       rights, and asks nobody whom its names mean\n"
            "      --diff           only show what it would change (also: --dry-run)\n"
            "  -s, --service NAME   of another switch than " SWITCH_SERVICE "\n"
            "  -j, --json           for scripts\n"
            "  -v, --verbose        name each step; Xen's libraries speak, too\n"
            "  -h, --help           show this\n"
            "\nMore: atoll-switch(1), atoll-switch-rules(5).\n",
    .check = check_apply,
    .run = run_apply,
};
