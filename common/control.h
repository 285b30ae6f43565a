/* SPDX-License-Identifier: ISC */
/**
 * @file control.h
 * The control protocol between a service and dom0's tools: frames and their fields. One encoder and
 * one decoder, for both ends. docs/control-protocol.md is its specification.
 *
 * A frame is a header of 12 bytes and fields, all little endian:
 *
 *     0  u32 length of the whole frame, CONTROL_HEADER to CONTROL_FRAME_MAX
 *     4  u16 type      what is asked (enum control_type)
 *     6  u8  kind      what this frame is to it (enum control_kind)
 *     7  u8  flags     0; ignored by the receiver
 *     8  u32 id        picked by the client for each request, repeated in all that belongs to it
 *
 * A field is a u16 tag, a u16 length of its value, the value, and zeros up to a multiple of 4. The
 * top two bits of a tag say what the value is, so that fields of a newer version can be skipped,
 * shown and counted; the rest is its number (control_fields.h). A field may occur more than once.
 *
 * Survivable: an unknown request is answered with ENOSYS, unknown fields are skipped, an unknown
 * kind is ignored. Not survivable: a length out of bounds, fields that do not fill their frame.
 * Those end the connection.
 */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control_fields.h"

/** The newest version of the protocol that this code speaks; there is no older one. */
#define CONTROL_VERSION 1U

#define CONTROL_HEADER    12U
#define CONTROL_FRAME_MAX 4096U

/** The most bytes of a string or of bytes that one field can carry in an otherwise empty frame. */
#define CONTROL_VALUE_MAX (CONTROL_FRAME_MAX - CONTROL_HEADER - 4U)

/** How deep groups may lie in groups. */
#define CONTROL_DEPTH_MAX 4U

/** The name of the vchan that a service listens on for control clients (rendezvous_path()). */
#define CONTROL_VCHAN_NAME "control"

/** What a frame is. C: sent by clients, S: by services. */
enum control_kind {
    CONTROL_REQUEST = 1, /**< C: begins an exchange with a new id */
    CONTROL_REPLY = 2,   /**< S: the answer; ends the exchange */
    CONTROL_ERROR = 3,   /**< S: ends it too; CONTROL_F_ERRNO, CONTROL_F_TEXT */
    CONTROL_ITEM = 4,    /**< S: one of a stream; more may follow */
    CONTROL_END = 5,     /**< S: the end of a stream. C: the end of an upload */
    CONTROL_DATA = 6,    /**< C: a part of an upload (CONTROL_F_DATA) */
    CONTROL_CANCEL = 7,  /**< C: end this stream; answered by CONTROL_END */
};

/** The value of a field, in the tag's top two bits. */
enum control_value {
    CONTROL_NUMBER = 0, /**< unsigned, 1, 2, 4 or 8 bytes */
    CONTROL_STRING = 1, /**< UTF-8 text without NUL */
    CONTROL_BYTES = 2,
    CONTROL_GROUP = 3, /**< fields */
};

/** Requests. "stream": answered by items and an end, else by one reply. */
enum control_type {
    /** First of all: VERSION (the newest that the client speaks), CLIENT (name). Reply: VERSION (in
       force: the lower one), SERVICE, PROGRAM_VERSION, DOMID, TYPE... EPROTONOSUPPORT: too old */
    CONTROL_T_HELLO = 0x0001,
    /** Reply: SERVICE, PROGRAM_VERSION, UPTIME, STARTED, HEALTH, TEXT, SEALED, MEMORY_*, CLIENTS...
     */
    CONTROL_T_STATUS = 0x0002,
    /** Stream: one STATISTIC group each, see control_statistic(). */
    CONTROL_T_STATS = 0x0003,
    /** LIMIT (last lines, default all), FOLLOW. Stream: SEQUENCE, TIME, LEVEL, TEXT; LOST (lines).
     */
    CONTROL_T_LOGS = 0x0004,
    /** FORCE. Reply, and then the service ends in good order (SHUTDOWN_poweroff). EPERM where it
       should not, and FORCE is not given.
     */
    CONTROL_T_STOP = 0x0005,
    /** DATA. Reply: the same DATA; for tests of a connection. */
    CONTROL_T_ECHO = 0x0006,

    /** Of the XenStore service (services/xenstored/remote*.c). */
    CONTROL_T_STORE_STATS = 0x0100, /**< DOMID. Stream: one domain each */
    CONTROL_T_STORE_TRACE = 0x0101, /**< DOMID... Stream: one request, event or commit each; LOST */
    CONTROL_T_STORE_QUOTA = 0x0102, /**< DOMID. Stream: one QUOTA group each */
    CONTROL_T_STORE_SET = 0x0103,   /**< DOMID (none: the default), NAME, VALUE. Reply */
    CONTROL_T_STORE_DUMP = 0x0104,  /**< Stream: DATA, in upstream's migration format */
    CONTROL_T_STORE_LOAD = 0x0105,  /**< upload: DATA. Reply at its end: what was loaded */
    CONTROL_T_STORE_LOG = 0x0106,   /**< LIMIT, PATH. Stream: one version each, newest first */
    CONTROL_T_STORE_DIFF = 0x0107,  /**< FROM, TO (versions), PATH. Stream: one node each */
    CONTROL_T_STORE_SHOW = 0x0108,  /**< VERSION, PATH. Stream: one node each, parents first */
    CONTROL_T_STORE_ROLLBACK = 0x0109, /**< VERSION, PATH. Reply: VERSION (the new one), COUNT */
    CONTROL_T_STORE_HOLD = 0x010a,     /**< DOMID, VALUE (seconds; 0: no more). Reply: VALUE */

    /** Of the switch (services/netback-switch/control.c). */
    CONTROL_T_SWITCH_SHOW = 0x0200,  /**< Reply: GENERATION, DIGEST, COUNT... a BRIDGE each */
    CONTROL_T_SWITCH_PORTS = 0x0201, /**< DOMID, VIF. Stream: one PORT group each */
    CONTROL_T_SWITCH_FDB = 0x0202,   /**< BRIDGE_NAME, VID (none: all). Stream: one entry each */
    /** upload: DATA (common/switch_rules.h). Reply at its end: GENERATION, COUNT (rules), MATCHED.
        EINVAL: TEXT says what */
    CONTROL_T_SWITCH_APPLY = 0x0203,
    CONTROL_T_SWITCH_RULES = 0x0204,   /**< Stream: DATA, as applied */
    CONTROL_T_SWITCH_MIRRORS = 0x0205, /**< Stream: one MIRROR group each */
    CONTROL_T_SWITCH_STATS = 0x0206,   /**< DOMID, VIF. Stream: one port's counters each */
    CONTROL_T_SWITCH_EVENTS = 0x0207,  /**< LIMIT, FOLLOW. Stream: one event each; LOST */
    CONTROL_T_SWITCH_FLUSH = 0x0208,   /**< BRIDGE_NAME (none: all). Reply */

    /** Of the monitor (services/monitor/control*.c). */
    CONTROL_T_MONITOR_SHOW = 0x0300,  /**< Reply: FEED groups, counters of the engine */
    CONTROL_T_MONITOR_PORTS = 0x0301, /**< SERIES. Stream: one PORT group each, with its totals */
    CONTROL_T_MONITOR_FLOWS = 0x0302, /**< Stream: FLOW... (common/flow_wire.h), those that live */
    CONTROL_T_MONITOR_ENDED = 0x0303, /**< Stream without end: FLOW... as they end; LOST */
    /** PROGRAM (classic BPF; none: all), SNAP, DOMID, VIF, LIMIT (frames). Stream: DATA, pieces of
       a stream as common/mirror_wire.h has it. EINVAL: TEXT says what is wrong with the program */
    CONTROL_T_MONITOR_CAPTURE = 0x0304,
    CONTROL_T_MONITOR_ALERTS = 0x0305, /**< LIMIT, FOLLOW. Stream: one ALERT group each; LOST */
    CONTROL_T_MONITOR_LIMITS = 0x0306, /**< Stream: one QUOTA group each: NAME, VALUE, UNIT, TEXT */
    CONTROL_T_MONITOR_SET = 0x0307,    /**< NAME, VALUE. Reply. EINVAL: TEXT says why */

    CONTROL_T_USER = 0x8000, /**< from here on: requests of images that are not ours */
};

/** How a service says it is (CONTROL_F_HEALTH). */
enum control_health {
    CONTROL_HEALTHY = 0,
    CONTROL_DEGRADED = 1, /**< it serves, and CONTROL_F_TEXT says what is wrong */
    CONTROL_FAILING = 2,
};

/** A frame's header, decoded. */
struct control_header {
    uint32_t length;
    uint16_t type;
    uint8_t kind;
    uint8_t flags;
    uint32_t id;
};

/** Read the 12 bytes at @data. False: the length is out of bounds, the connection is to end. */
bool control_header_decode(const uint8_t data[CONTROL_HEADER], struct control_header *header);

/* --- writing ------------------------------------------------------------------------------------
 */

/**
 * A frame as it is written. Running out of room is remembered and cuts nothing in half: the field
 * that did not fit, the groups that it was to be in, and all after it, are left out.
 */
struct control_writer {
    uint8_t *data; /**< the caller's, of @ref size bytes */
    size_t size, used;
    bool full; /**< something did not fit */
    unsigned depth;
    uint16_t groups[CONTROL_DEPTH_MAX]; /**< where the open groups begin */
};

/** Begin a frame in @data of @size bytes (CONTROL_HEADER to CONTROL_FRAME_MAX, or more). */
void control_begin(struct control_writer *writer, void *data, size_t size, uint16_t type,
                   enum control_kind kind, uint32_t id);

/** A number takes the smallest width that holds it. */
void control_put_number(struct control_writer *writer, uint16_t tag, uint64_t value);
void control_put_string(struct control_writer *writer, uint16_t tag, const char *text);
void control_put_text(struct control_writer *writer, uint16_t tag, const char *text, size_t length);
/** As printf(). Text that would fill the frame's room to its last byte counts as not fitting. */
void control_put_format(struct control_writer *writer, uint16_t tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void control_put_vformat(struct control_writer *writer, uint16_t tag, const char *format,
                         va_list arguments) __attribute__((format(printf, 3, 0)));
void control_put_bytes(struct control_writer *writer, uint16_t tag, const void *data,
                       size_t length);

/** Open a group; what is put until control_close_group() is in it. Too deep counts as full. */
void control_open_group(struct control_writer *writer, uint16_t tag);
void control_close_group(struct control_writer *writer);

/**
 * A place to go back to, where several fields shall be in the frame together or not at all. Groups
 * opened since are forgotten; those open at the mark must not have been closed since.
 */
struct control_mark {
    size_t used;
    unsigned depth;
    bool full;
};
struct control_mark control_mark(const struct control_writer *writer);
void control_undo(struct control_writer *writer, struct control_mark mark);

/** Bytes of value that a field put now could still have; 0, too, where not even its header fits. */
size_t control_room(const struct control_writer *writer);

/** The frame turns out to be of another kind. */
void control_set_kind(struct control_writer *writer, enum control_kind kind);

/** End the frame: its length. Open groups are closed. */
size_t control_end(struct control_writer *writer);

/* --- reading ------------------------------------------------------------------------------------
 */

/** Fields of a frame or of a group, one after the other. Points into the caller's frame. */
struct control_reader {
    const uint8_t *data;
    size_t length, at;
};

/** One field. */
struct control_field {
    uint16_t tag;
    enum control_value kind;
    uint16_t length;
    const uint8_t *value; /**< not aligned, no NUL behind it */
    uint64_t number;      /**< of a CONTROL_NUMBER */
};

/**
 * Are the fields of the frame at @data (@length bytes, header included) well formed, in all depths?
 * Done once for each frame, before anything else looks at it; what follows then cannot fail.
 */
bool control_check(const uint8_t *data, size_t length);

/** Read the fields of a frame that control_check() took. */
void control_read(struct control_reader *reader, const uint8_t *frame, size_t length);

/** Read the fields of a group. */
void control_read_group(struct control_reader *reader, const struct control_field *group);

/** The next field. False: there are no more. */
bool control_next(struct control_reader *reader, struct control_field *field);

/** The first field with @tag after @reader's start, whatever was read. False: there is none. */
bool control_find(const struct control_reader *reader, uint16_t tag, struct control_field *field);

/** The number with @tag, or @otherwise. */
uint64_t control_number(const struct control_reader *reader, uint16_t tag, uint64_t otherwise);

/**
 * The string with @tag into @text, NUL-terminated; false if there is none, it has a NUL, or it does
 * not fit, with @text empty.
 */
bool control_string(const struct control_reader *reader, uint16_t tag, char *text, size_t size);

#endif
