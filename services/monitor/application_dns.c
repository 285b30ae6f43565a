/* SPDX-License-Identifier: ISC */
/* DNS: RFC 1035, section 4; AAAA: RFC 3596. A name is at most 255 bytes, a pointer points
 * backwards. */
#include <string.h>

#include "application_state.h"

#define HEADER     12U
#define NAME_MAX   255U
#define RECORDS    16U /* answers that are looked at */
#define TYPE_A     1U
#define TYPE_CNAME 5U
#define TYPE_AAAA  28U
#define CLASS_IN   1U
#define RESPONSE   0x80U

struct message {
    const uint8_t *data;
    size_t length, at;
};

static uint16_t read_16(const struct message *m, size_t at)
{
    return (uint16_t)(m->data[at] << 8 | m->data[at + 1]);
}

/* A byte of a label, so that a dot in it is no separator: as in master files (section 5.1). */
static void add_label_byte(struct application_text *text, uint8_t byte)
{
    if (byte == '.' || byte == '\\') {
        application_add(text, '\\');
        application_add(text, byte);
    } else if (byte <= ' ' || byte > '~') {
        application_add(text, '\\');
        application_add(text, (uint8_t)('0' + byte / 100));
        application_add(text, (uint8_t)('0' + byte / 10 % 10));
        application_add(text, (uint8_t)('0' + byte % 10));
    } else {
        application_add(text, byte);
    }
}

/* Read the name at m->at, which is moved behind it; into @text unless NULL. False: it is none. */
static bool read_name(struct message *m, struct application_text *text)
{
    size_t at = m->at, total = 0, limit = m->length;
    bool jumped = false;

    for (;;) {
        unsigned size;

        if (at >= limit)
            return false;
        size = m->data[at];
        if (size == 0) {
            if (!jumped)
                m->at = at + 1;
            return true;
        }
        if ((size & 0xc0) == 0xc0) {
            size_t to;

            if (at + 1 >= m->length)
                return false;
            to = (size_t)(read_16(m, at) & 0x3fff);
            if (!jumped)
                m->at = at + 2;
            /* Only to before where this part of the name began: each jump shortens what is left,
             * so that it ends. */
            if (to < HEADER || to >= at)
                return false;
            jumped = true;
            limit = at;
            at = to;
            continue;
        }
        if ((size & 0xc0) != 0 || at + 1 + size > limit)
            return false;
        total += size + 1;
        if (total > NAME_MAX)
            return false;
        if (text) {
            if (text->used)
                application_add(text, '.');
            for (unsigned i = 0; i < size; i++)
                add_label_byte(text, m->data[at + 1 + i]);
        }
        at += 1 + size;
    }
}

/* True: it was whole. */
static bool read_answer(struct flow_application *application, struct message *m)
{
    uint16_t type, class, length;
    uint8_t size;

    if (!read_name(m, NULL) || m->at + 10 > m->length)
        return false;
    type = read_16(m, m->at);
    class = read_16(m, m->at + 2);
    length = read_16(m, m->at + 8);
    m->at += 10;
    if (m->at + length > m->length)
        return false;
    size = type == TYPE_A ? 4 : 16;
    /* The top bit is mDNS' "flush the cache" (RFC 6762, section 10.2). */
    if ((class & 0x7fff) == CLASS_IN && (type == TYPE_A || type == TYPE_AAAA) && length == size &&
        application->answers < APPLICATION_ANSWERS) {
        const unsigned n = application->answers++;

        application->answer_family[n] = size == 4 ? 4 : 6;
        memset(application->answer[n], 0, sizeof(application->answer[n]));
        memcpy(application->answer[n], m->data + m->at, size);
    } else if (type == TYPE_CNAME && !application->detail[0]) {
        struct message inner = *m;
        struct application_text text =
            application_text(application->detail, sizeof(application->detail));

        if (!read_name(&inner, &text))
            application->detail[0] = 0;
    }
    m->at += length;
    return true;
}

bool application_dns(struct flow_application *application, const uint8_t *message, size_t length)
{
    struct message m = {.data = message, .length = length, .at = HEADER};
    char name[APPLICATION_NAME];
    struct application_text text = application_text(name, sizeof(name));
    bool response, news = false;
    uint16_t answers, type = 0;

    if (length < HEADER)
        return false;
    response = message[2] & RESPONSE;
    answers = read_16(&m, 6);
    if (read_16(&m, 4) > 0) {
        if (read_16(&m, 4) != 1 || !read_name(&m, &text) || m.at + 4 > length)
            return false;
        type = read_16(&m, m.at);
        m.at += 4;
    } else if (!response || answers == 0) {
        return false;
    } else {
        /* mDNS announces without a question: the first answer's name stands for it. */
        struct message first = m;

        if (!read_name(&first, &text) || first.at + 2 > length)
            return false;
        type = read_16(&first, first.at);
    }
    /* A flow of a resolver asks many things; what was asked first is kept, and its answer. */
    if (application->kind == APPLICATION_NONE || !application->name[0]) {
        application->kind = APPLICATION_DNS;
        application->type = type;
        if (!name[0])
            application_add(&text, '.'); /* the root */
        memcpy(application->name, name, sizeof(name));
        news = true;
    } else if (strcmp(application->name, name) != 0 || application->type != type) {
        return false;
    }
    if (!response)
        return news;
    application->code = message[3] & 0x0f;
    application->answers = 0;
    application->detail[0] = 0;
    for (unsigned i = 0; i < answers && i < RECORDS && read_answer(application, &m); i++) {
    }
    application->done = true;
    return true;
}
