/* SPDX-License-Identifier: ISC */
/**
 * @file
 * Records of flows, as a monitor sends them, behind a byte that says how they are shown. They are
 * taken or refused; what is shown of them is printable, fits its line, and as JSON is JSON.
 */
#include "check.h"
#include "flow_filter.h"
#include "flow_group.h"
#include "flow_print.h"
#include "flow_text.h"
#include "input.h"

/* The widest columns that are never cut, and both ends at their least. */
#define LINE_LEAST 60u

static char *printed;
static size_t printed_size;

static void check_text(size_t width)
{
    size_t line = 0;

    for (size_t i = 0; i < printed_size; i++) {
        if (printed[i] == '\n') {
            ck_assert_msg(!width || line <= width, "a line of %zu in %zu", line, width);
            line = 0;
            continue;
        }
        ck_assert(printed[i] >= ' ' && printed[i] <= '~');
        line++;
    }
    free(printed);
}

static void check_json(void)
{
    json_error_t error;
    json_t *json = json_loadb(printed, printed_size, JSON_ALLOW_NUL, &error);

    ck_assert_msg(json != NULL, "%s in %.*s", error.text, (int)printed_size, printed);
    ck_assert(json_is_array(json));
    json_decref(json);
    free(printed);
}

static void show(struct flow_store *store, struct flow_groups *groups, size_t width)
{
    FILE *out = open_memstream(&printed, &printed_size);

    ck_assert_int_eq(flow_print_table(store, 0, width, "No flows.", out), 0);
    fclose(out);
    check_text(width);
    out = open_memstream(&printed, &printed_size);
    ck_assert_int_eq(flow_print_json(store, 0, out), 0);
    fclose(out);
    check_json();
    out = open_memstream(&printed, &printed_size);
    flow_groups_print(groups, FLOW_SORT_BYTES, 0, false, 0, out);
    fclose(out);
    check_text(0);
    out = open_memstream(&printed, &printed_size);
    flow_groups_print(groups, FLOW_SORTS, 0, true, 0, out);
    fclose(out);
    check_json();
}

/* Filters of all kinds, none of which may do anything but look. */
static void match(const struct flow_view *flow)
{
    struct flow_filter filter;
    char text[2 * FLOW_TEXT];

    flow_filter_init(&filter);
    ck_assert(flow_filter_match(&filter, flow));
    ck_assert_ptr_null(flow_filter_guest(&filter, "web1"));
    (void)flow_filter_match(&filter, flow);
    flow_filter_init(&filter);
    ck_assert_ptr_null(flow_filter_name(&filter, ".example.org"));
    (void)flow_filter_match(&filter, flow);
    flow_filter_init(&filter);
    ck_assert_ptr_null(flow_filter_host(&filter, "2001:db8::/33"));
    ck_assert_ptr_null(flow_filter_port(&filter, "1-1023"));
    ck_assert_ptr_null(flow_filter_vlan(&filter, "5"));
    (void)flow_filter_match(&filter, flow);
    for (size_t width = 1; width < 60; width += 7) {
        ck_assert(strlen(flow_endpoint(flow, width % 2, width, text, sizeof(text))) <= width);
        ck_assert(strlen(flow_name(flow, width, text, sizeof(text))) <= width);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t how = size ? data[0] : 0;
    const size_t width = how & 1 ? 0 : LINE_LEAST + how;
    struct flow_store *store = flow_store_create((enum flow_sort)(how % FLOW_SORTS), 1024);
    struct flow_groups *groups = flow_groups_create((enum flow_by)(how % FLOW_BYS));
    struct flow_view flow;
    FILE *out;

    for (size_t at = 1, length; at < size; at += length) {
        length = flow_view(data + at, size - at, &flow);
        if (!length)
            break;
        ck_assert(length <= size - at);
        match(&flow);
        ck_assert_int_eq(flow_store_add(store, &flow), 0);
        ck_assert_int_eq(flow_groups_add(groups, &flow), 0);
        out = open_memstream(&printed, &printed_size);
        flow_print_line(&flow, 0, out);
        fclose(out);
        check_text(0);
    }
    flow_store_sort(store);
    show(store, groups, width);
    flow_groups_free(groups);
    flow_store_free(store);
    return 0;
}
