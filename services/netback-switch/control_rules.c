/* SPDX-License-Identifier: ISC */
/* SWITCH_APPLY and SWITCH_RULES: a generation comes and is shown. */
#include <errno.h>
#include <string.h>

#include "control.h"
#include "events.h"

/* --- APPLY --------------------------------------------------------------------------------------
 */

struct upload {
    struct control_stream stream;
    struct vswitch *vswitch;
    struct rules *rules; /* with room for all ports there may be; NULL: put in force */
    struct rules_decoder decoder;
};

static int refuse(struct upload *upload, int error, const char *why)
{
    control_stream_error(&upload->stream, error, "%s", why);
    log_write(upload->vswitch->log, LOG_WARNING, "rules refused: %s", why);
    return error;
}

/* The same in no more memory than it takes; NULL: there is not even that. */
static struct rules *fitted(struct vswitch *vswitch, const struct rules *rules)
{
    struct rules *copy = vswitch_rules_alloc(vswitch, rules->port_count);
    struct rules_port *ports;

    if (!copy)
        return NULL;
    ports = copy->ports;
    *copy = *rules;
    copy->ports = ports;
    copy->port_max = rules->port_count;
    memcpy(ports, rules->ports, rules->port_count * sizeof(*ports));
    return copy;
}

static int put_in_force(struct upload *upload, struct control_writer *reply)
{
    struct vswitch *vswitch = upload->vswitch;
    struct rules *rules = fitted(vswitch, upload->rules);
    const char *why = "no memory";
    int error;

    if (!rules)
        return refuse(upload, -ENOMEM, why);
    error = vswitch_apply(vswitch, rules, &why);
    if (error) {
        vswitch_rules_free(vswitch, rules);
        return refuse(upload, error, why);
    }
    control_put_number(reply, CONTROL_F_GENERATION, rules->generation);
    control_put_string(reply, CONTROL_F_DIGEST, rules->digest);
    control_put_number(reply, CONTROL_F_COUNT, rules->port_count);
    control_put_number(reply, CONTROL_F_MATCHED, switch_count(vswitch).matched);
    return 0;
}

static int take(struct control_stream *stream, const void *data, size_t length,
                struct control_writer *reply)
{
    struct upload *upload = LIST_ENTRY(stream, struct upload, stream);
    int error =
        data ? rules_decode(&upload->decoder, data, length) : rules_decode_end(&upload->decoder);

    if (error)
        return refuse(upload, error, upload->decoder.error);
    return data ? 0 : put_in_force(upload, reply);
}

static void release_upload(struct control_stream *stream)
{
    struct upload *upload = LIST_ENTRY(stream, struct upload, stream);
    struct vswitch *vswitch = upload->vswitch;

    vswitch->applying = false;
    vswitch_rules_free(vswitch, upload->rules);
    arena_free(vswitch->arena, upload, sizeof(*upload));
}

int control_apply(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.data = take, .release = release_upload};
    struct vswitch *vswitch = control_vswitch(context);
    struct upload *upload;
    int error;

    (void)reply;
    if (vswitch->applying) {
        control_request_error(request, "other rules are being uploaded");
        return -EBUSY;
    }
    upload = arena_zalloc(vswitch->arena, sizeof(*upload));
    if (!upload)
        return -ENOMEM;
    upload->vswitch = vswitch;
    upload->rules = vswitch_rules_alloc(vswitch, RULES_PORTS);
    error = upload->rules ? control_stream_start(request, &upload->stream, &type) : -ENOMEM;
    if (error) {
        vswitch_rules_free(vswitch, upload->rules);
        arena_free(vswitch->arena, upload, sizeof(*upload));
        return error;
    }
    rules_decoder_init(&upload->decoder, upload->rules);
    vswitch->applying = true;
    return CONTROL_STREAMING;
}

/* --- RULES --------------------------------------------------------------------------------------
 */

struct rules_stream {
    struct control_stream stream;
    struct vswitch *vswitch;
    uint64_t applied; /* should it change meanwhile, the stream ends in an error */
    unsigned next;    /* record */
};

static int put_record(void *context, const void *record, size_t length)
{
    control_put_bytes(context, CONTROL_F_DATA, record, length);
    return 0;
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct rules_stream *walk = LIST_ENTRY(stream, struct rules_stream, stream);
    const struct rules *rules = walk->vswitch->rules;

    if (walk->applied != walk->vswitch->applied) {
        control_stream_error(stream, -EBUSY, "other rules were put in force meanwhile");
        return CONTROL_FILL_ERROR;
    }
    if (!rules || walk->next == rules_records(rules))
        return CONTROL_FILL_END;
    (void)rules_encode_record(rules, walk->next++, put_record, item);
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct rules_stream *walk = LIST_ENTRY(stream, struct rules_stream, stream);

    arena_free(walk->vswitch->arena, walk, sizeof(*walk));
}

int control_rules(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct vswitch *vswitch = control_vswitch(context);
    struct rules_stream *walk = arena_zalloc(vswitch->arena, sizeof(*walk));
    int error;

    (void)reply;
    if (!walk)
        return -ENOMEM;
    walk->vswitch = vswitch;
    walk->applied = vswitch->applied;
    error = control_stream_start(request, &walk->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(vswitch->arena, walk, sizeof(*walk));
    return error;
}
