/* SPDX-License-Identifier: ISC */
/*
 * An image of one's own: it greets whoever asks, and counts. docs/own-service.md explains it.
 *
 * Command line: limit=N, the most greetings (default: any number), and those of common/service.h.
 */
#include <errno.h>

#include "common/service.h"

/* A request of its own: NAME. Reply: TEXT. -EDQUOT: there have been as many as there may be. */
#define HELLO_T_GREET (CONTROL_T_USER + 0)

#define NAME_MAX 64

struct hello {
    uint32_t limit;
    uint64_t greetings;
};

static struct hello *hello_of(void *context)
{
    struct service *service = context;

    return service->config->context;
}

static int greet(void *context, struct control_request *request, struct control_writer *reply)
{
    struct hello *hello = hello_of(context);
    char name[NAME_MAX];

    if (!control_string(&request->fields, CONTROL_F_NAME, name, sizeof(name))) {
        control_request_error(request, "a name of at most %d bytes is needed", NAME_MAX - 1);
        return -EINVAL;
    }
    if (hello->greetings >= hello->limit) {
        control_request_error(request, "limit=%u is reached", hello->limit);
        return -EDQUOT;
    }
    hello->greetings++;
    control_put_format(reply, CONTROL_F_TEXT, "hello, %s", name);
    return 0;
}

static bool statistic(void *context, unsigned index, struct control_writer *item)
{
    if (index > 0)
        return false;
    control_statistic(item, "hello_greetings", "Greetings so far.", NULL, true,
                      hello_of(context)->greetings);
    return true;
}

void hv_main(struct hv *hv)
{
    static const struct control_handler handlers[] = {{HELLO_T_GREET, greet}};
    struct hello hello = {.limit = UINT32_MAX};
    const struct service_config config = {
        .name = "hello",
        .version = ATOLL_VERSION,
        .context = &hello,
        .handlers = handlers,
        .handler_count = 1,
        .statistic = statistic,
    };
    struct service *service = service_create(hv, &config);

    if (!service)
        hv_exit(hv, HV_EXIT_CRASH);
    service_option(hv, "limit", UINT32_MAX, &hello.limit);
    service_run(service);
}
