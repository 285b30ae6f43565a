/* SPDX-License-Identifier: ISC */
#include "crash_report.h"
#include "output.h"
#include <inttypes.h>
#include <string.h>

#define SECOND_NS 1000000000ull

static const char *kind_name(enum crash_frame_kind kind)
{
    static const char *const names[] = {"at", "caller", "exception", "scanned"};

    return names[kind];
}

static json_t *hex(uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%#" PRIx64, value);
    return json_string(text);
}

static json_t *registers_json(const struct crash_registers *registers)
{
    json_t *object;

    if (!registers->known)
        return json_null();
    object = json_object();
    for (int i = 0; i < CRASH_REGISTERS; i++)
        json_object_set_new(object, crash_register_name((enum crash_register)i),
                            hex(registers->value[i]));
    return object;
}

static json_t *frames_json(const struct crash_backtrace *trace)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < trace->count; i++) {
        const struct crash_frame *frame = &trace->frames[i];

        json_array_append_new(
            array,
            json_pack("{s:o, s:o, s:o, s:s}", "address", hex(frame->address), "function",
                      frame->name ? output_json_bytes(frame->name, strlen(frame->name))
                                  : json_null(),
                      "offset", frame->name ? output_json_number(frame->offset) : json_null(),
                      "found", kind_name(frame->kind)));
    }
    return array;
}

static json_t *fault_json(const struct crash_backtrace *trace)
{
    const char *name = crash_exception_name(trace->vector);

    if (!trace->fault)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o}", "vector", output_json_number(trace->vector), "name",
                     name ? json_string(name) : json_null(), "error", hex(trace->error),
                     "registers", registers_json(&trace->registers));
}

static json_t *console_json(const struct crash_taken *taken)
{
    json_t *array = json_array();

    for (size_t at = 0; at < taken->console_length;) {
        const char *line = taken->console + at;
        const char *newline = memchr(line, '\n', taken->console_length - at);
        const size_t length = newline ? (size_t)(newline - line) : taken->console_length - at;

        json_array_append_new(array, output_json_bytes(line, length));
        at += length + 1;
    }
    return array;
}

static json_t *image_json(const struct crash_report *report)
{
    const struct crash_taken *taken = report->taken;

    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o}", "path", report->record->kernel, "sha256",
        report->image_digest[0] ? json_string(report->image_digest) : json_null(), "same",
        taken->checked ? json_boolean(!taken->other_image) : json_null(), "changed",
        taken->checked && !taken->other_image ? output_json_number(taken->changed) : json_null(),
        "first-changed",
        taken->checked && taken->changed ? hex(taken->first_changed) : json_null());
}

json_t *crash_report_json(const struct crash_report *report)
{
    const struct crash_taken *taken = report->taken;

    return json_pack(
        "{s:s, s:s, s:I, s:o, s:o, s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "service",
        report->record->service, "reason", report->reason, "domid",
        (json_int_t)report->record->domid, "died", output_json_number(report->died_ns), "started",
        output_json_number(report->record->started * SECOND_NS), "in-a-row",
        (json_int_t)report->row, "atoll", ATOLL_VERSION, "image", image_json(report), "cmdline",
        report->record->cmdline, "registers", registers_json(&taken->registers), "cr2",
        taken->registers.known ? hex(taken->registers.cr2) : json_null(), "fault",
        fault_json(&taken->backtrace), "backtrace", frames_json(&taken->backtrace), "console",
        console_json(taken), "journal-bytes", output_json_number(report->journal_bytes));
}

static void print_registers(const struct crash_registers *registers, FILE *out)
{
    for (int i = 0; i < CRASH_REGISTERS; i++)
        fprintf(out, "%s%-6s %016" PRIx64,
                i % 4 ? "  "
                : i   ? "\n  "
                      : "  ",
                crash_register_name((enum crash_register)i), registers->value[i]);
    fputc('\n', out);
}

static void print_frames(const struct crash_backtrace *trace, FILE *out)
{
    for (unsigned i = 0; i < trace->count; i++) {
        const struct crash_frame *frame = &trace->frames[i];

        fprintf(out, "  %#10" PRIx64, frame->address);
        if (frame->name) {
            fputs("  ", out);
            output_escape(out, frame->name, strlen(frame->name));
            fprintf(out, "+%#" PRIx64, frame->offset);
        }
        fputs(frame->kind == CRASH_FRAME_SCANNED     ? "  (a word on the stack)"
              : frame->kind == CRASH_FRAME_EXCEPTION ? "  (interrupted by an exception)"
                                                     : "",
              out);
        fputc('\n', out);
    }
}

static void print_image(const struct crash_report *report, FILE *out)
{
    const struct crash_taken *taken = report->taken;

    fprintf(out, "Image:    %s\n", report->record->kernel);
    if (report->image_digest[0])
        fprintf(out, "          SHA-256 %s\n", report->image_digest);
    if (taken->checked && taken->other_image)
        fputs("          the domain was made of another image than this file is now: no names\n",
              out);
    else if (taken->checked && taken->changed)
        fprintf(out,
                "          %" PRIu64
                " bytes of its code are not the image's, the first at %#" PRIx64
                ": memory was overwritten\n",
                taken->changed, taken->first_changed);
    else if (taken->checked)
        fputs("          its code in memory is the image's\n", out);
}

static void print_state(const struct crash_taken *taken, FILE *out)
{
    const struct crash_backtrace *trace = &taken->backtrace;
    const char *name = crash_exception_name(trace->vector);

    if (!taken->registers.known) {
        fputs("\nThe domain was destroyed: its registers and its memory are gone.\n", out);
        return;
    }
    fputs("\nWhere it was, last call first:\n", out);
    print_frames(trace, out);
    if (trace->fault) {
        fprintf(out,
                "\nException %" PRIu64 " (%s), error code %#" PRIx64 ", cr2 %#" PRIx64
                "; registers then:\n",
                trace->vector, name ? name : "unknown", trace->error, taken->registers.cr2);
        print_registers(&trace->registers, out);
    }
    fprintf(out, "\nRegisters at the end:\n");
    print_registers(&taken->registers, out);
}

void crash_report_text(const struct crash_report *report, FILE *out)
{
    const struct crash_taken *taken = report->taken;
    const uint64_t begun = report->record->started * SECOND_NS;
    char when[40], lived[40];

    fprintf(out, "Service:  %s, domain %u\n", report->record->service, report->record->domid);
    fprintf(out, "Death:    it %s, seen at %s\n", report->reason,
            output_time(report->died_ns, when, sizeof(when)));
    if (report->record->started && report->died_ns > begun)
        fprintf(out, "          after %s, death %" PRIu64 " in a row\n",
                output_duration(report->died_ns - begun, lived, sizeof(lived)), report->row);
    print_image(report, out);
    fprintf(out, "Cmdline:  %s\n", report->record->cmdline);
    fprintf(out, "Atoll:    %s\n", ATOLL_VERSION);
    if (report->journal_bytes)
        fprintf(out, "Journal:  %zu bytes, in the file journal beside this\n",
                report->journal_bytes);
    print_state(taken, out);
    fputs("\nLast lines of its console:\n", out);
    for (size_t i = 0, begin = 1; i < taken->console_length; i++) {
        if (begin)
            fputs("  | ", out);
        begin = taken->console[i] == '\n';
        fputc(taken->console[i], out);
    }
    if (!taken->console_length)
        fputs("  (none)\n", out);
}
