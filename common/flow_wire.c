/* SPDX-License-Identifier: ISC */
#include "common/flow_wire.h"

#include <string.h>

size_t flow_view(const uint8_t *data, size_t length, struct flow_view *view)
{
    struct flow_record *r = &view->record;
    const char *text;

    if (length < sizeof(*r))
        return 0;
    memcpy(r, data, sizeof(*r));
    if (r->version != FLOW_VERSION || r->length > length || r->length > FLOW_RECORD_MAX ||
        r->length % 8 != 0 || r->answers > sizeof(r->answer_family) ||
        r->length < sizeof(*r) + r->guest_length[0] + r->guest_length[1] + r->bridge_length +
                        r->name_length + r->detail_length)
        return 0;
    text = (const char *)data + sizeof(*r);
    for (unsigned i = 0; i < 2; i++) {
        view->guest[i] = text;
        text += r->guest_length[i];
    }
    view->bridge = text;
    text += r->bridge_length;
    view->name = text;
    text += r->name_length;
    view->detail = text;
    return r->length;
}
