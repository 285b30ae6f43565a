/* SPDX-License-Identifier: ISC */
/*
 * On which line of a file is a value? jansson knows it no more once a file is read. The text is
 * valid JSON, as jansson has found, so this looks for quotes and brackets alone.
 */
#include "rules_file.h"
#include <string.h>

struct scan {
    const char *at, *end;
    int line;
};

static void skip_blanks(struct scan *s)
{
    for (; s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at; s->at++)
        s->line += *s->at == '\n';
}

/* A string's inside into @text, @length; escapes stay as they are. */
static void skip_string(struct scan *s, const char **text, size_t *length)
{
    *text = ++s->at;
    while (s->at < s->end && *s->at != '"')
        s->at += *s->at == '\\' ? 2 : 1;
    if (s->at > s->end)
        s->at = s->end;
    *length = (size_t)(s->at - *text);
    if (s->at < s->end)
        s->at++;
}

/* A whole value, whatever it is. */
static void skip_value(struct scan *s)
{
    unsigned depth = 0;

    do {
        const char *text;
        size_t length;

        skip_blanks(s);
        if (s->at >= s->end)
            return;
        if (*s->at == '"') {
            skip_string(s, &text, &length);
        } else if (strchr("{[", *s->at)) {
            depth++;
            s->at++;
        } else if (strchr("]}", *s->at)) {
            depth--;
            s->at++;
        } else if (strchr(",:", *s->at)) {
            s->at++;
        } else {
            while (s->at < s->end && !strchr(" \t\r\n,:]}", *s->at))
                s->at++;
        }
    } while (depth);
}

/* Into the object or array that is next, to the value of @step. False: it is not there. */
static bool go_to(struct scan *s, const struct rules_step *step)
{
    skip_blanks(s);
    if (s->at >= s->end || *s->at != (step->member ? '{' : '['))
        return false;
    s->at++;
    for (size_t index = 0;; index++) {
        const char *text = NULL;
        size_t length = 0;

        skip_blanks(s);
        if (s->at >= s->end || strchr("]}", *s->at))
            return false;
        if (step->member) {
            if (*s->at != '"')
                return false;
            skip_string(s, &text, &length);
            skip_blanks(s);
            if (s->at < s->end && *s->at == ':')
                s->at++;
            skip_blanks(s);
        }
        if (step->member ? strlen(step->member) == length && !memcmp(text, step->member, length)
                         : index == step->index)
            return true;
        skip_value(s);
        skip_blanks(s);
        if (s->at >= s->end || *s->at != ',')
            return false;
        s->at++;
    }
}

int rules_file_line(const char *text, size_t length, const struct rules_step *steps, unsigned count)
{
    struct scan s = {.at = text, .end = text + length, .line = 1};
    int line = 1;

    for (unsigned i = 0; i < count; i++) {
        if (!go_to(&s, &steps[i]))
            break;
        line = s.line;
    }
    return line;
}
