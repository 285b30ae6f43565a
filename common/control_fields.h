/* SPDX-License-Identifier: ISC */
/**
 * @file control_fields.h
 * The fields of the control protocol: number, kind of value, name. One name space for all messages;
 * a number never gets another meaning. Tools show a field under its name (`--json`), in this order
 * of columns: C identifier, name, kind, number.
 *
 * Units: times are nanoseconds, of the wall clock since 1970 UTC if named `time` or `started`;
 * sizes are bytes. 0x2000 and above are for images that are not ours.
 */
#ifndef COMMON_CONTROL_FIELDS_H
#define COMMON_CONTROL_FIELDS_H

#define CONTROL_FIELDS(FIELD)                                                                      \
    FIELD(VERSION, "version", NUMBER, 1)                                                           \
    FIELD(CLIENT, "client", STRING, 2)                                                             \
    FIELD(SERVICE, "service", STRING, 3)                                                           \
    FIELD(PROGRAM_VERSION, "program-version", STRING, 4)                                           \
    FIELD(DOMID, "domid", NUMBER, 5)                                                               \
    FIELD(TYPE, "type", NUMBER, 6)   /* a request that the service knows */                        \
    FIELD(ERRNO, "errno", NUMBER, 7) /* Linux' number: 22 is EINVAL */                             \
    FIELD(TEXT, "text", STRING, 8)   /* for people */                                              \
    FIELD(DATA, "data", BYTES, 9)                                                                  \
    FIELD(LIMIT, "limit", NUMBER, 10)                                                              \
    FIELD(FOLLOW, "follow", NUMBER, 11)                                                            \
    FIELD(SEQUENCE, "sequence", NUMBER, 12)                                                        \
    FIELD(TIME, "time", NUMBER, 13)                                                                \
    FIELD(LEVEL, "level", NUMBER, 14) /* syslog's */                                               \
    FIELD(LOST, "lost", NUMBER,                                                                    \
          15) /* that many items of this stream were dropped before this one */                    \
    FIELD(UPTIME, "uptime", NUMBER, 16)                                                            \
    FIELD(STARTED, "started", NUMBER, 17)                                                          \
    FIELD(HEALTH, "health", NUMBER, 18) /* enum control_health */                                  \
    FIELD(SEALED, "sealed", NUMBER, 19)                                                            \
    FIELD(MEMORY_TOTAL, "memory-total", NUMBER, 20)                                                \
    FIELD(MEMORY_USED, "memory-used", NUMBER, 21)                                                  \
    FIELD(CLIENTS, "clients", NUMBER, 22) /* control clients connected */                          \
    FIELD(NAME, "name", STRING, 23)                                                                \
    FIELD(VALUE, "value", NUMBER, 24)                                                              \
    FIELD(UNIT, "unit", STRING, 25)       /* "bytes", "seconds"...; none: a plain number */        \
    FIELD(COUNTER, "counter", NUMBER, 26) /* 1: only grows; 0: a gauge */                          \
    FIELD(LABEL, "label", GROUP, 27)      /* NAME, TEXT */                                         \
    FIELD(STATISTIC, "statistic", GROUP,                                                           \
          28) /* NAME, VALUE, UNIT, COUNTER, TEXT (help), LABEL... */                              \
    FIELD(COUNT, "count", NUMBER, 29)                                                              \
    FIELD(PATH, "path", STRING, 30)                                                                \
    FIELD(FORCE, "force", NUMBER, 31) /* STOP: even where that does harm */                        \
    /* XenStore */                                                                                 \
    FIELD(QUOTA, "quota", GROUP, 64) /* NAME, VALUE (limit), USED, HIGHEST, REFUSED, TEXT */       \
    FIELD(USED, "used", NUMBER, 65)                                                                \
    FIELD(HIGHEST, "highest", NUMBER, 66)                                                          \
    FIELD(REFUSED, "refused", NUMBER, 67)                                                          \
    FIELD(REQUESTS, "requests", NUMBER, 68)                                                        \
    FIELD(EVENTS, "events", NUMBER, 69)                                                            \
    FIELD(EVENTS_DROPPED, "events-dropped", NUMBER, 70)                                            \
    FIELD(CONFLICTS_MET, "conflicts-met", NUMBER, 71)                                              \
    FIELD(CONFLICTS_CAUSED, "conflicts-caused", NUMBER, 72)                                        \
    FIELD(KIND, "kind", STRING, 73) /* trace: "request", "event", "commit"; log: what changed */   \
    FIELD(OPERATION, "operation", STRING, 74) /* "READ", "WRITE"... */                             \
    FIELD(TRANSACTION, "transaction", NUMBER, 75)                                                  \
    FIELD(REQUEST_ID, "request-id", NUMBER, 76)                                                    \
    FIELD(RESULT, "result", STRING, 77) /* "OK" or the error's name in the protocol: "ENOENT" */   \
    FIELD(TOKEN, "token", STRING, 78)                                                              \
    FIELD(OLD_VALUE, "old-value", BYTES, 79)                                                       \
    FIELD(NEW_VALUE, "new-value", BYTES, 80)                                                       \
    FIELD(OLD_PERMS, "old-perms", STRING, 81) /* as xenstore-ls -p shows them: "n0,r5"; a "!"      \
                                                 behind an entry that grants nothing (any more) */ \
    FIELD(NEW_PERMS, "new-perms", STRING, 82)                                                      \
    FIELD(FROM, "from", NUMBER, 83)                                                                \
    FIELD(TO, "to", NUMBER, 84)                                                                    \
    FIELD(ARGUMENT, "argument", BYTES, 85) /* a request's remaining payload, cut at 256 bytes */   \
    FIELD(LENGTH, "length", NUMBER, 86)    /* of what ARGUMENT was cut from */                     \
    FIELD(DURATION, "duration", NUMBER, 87)                                                        \
    FIELD(NODES, "nodes", NUMBER, 88)                                                              \
    FIELD(WATCHES, "watches", NUMBER, 89)                                                          \
    FIELD(CONNECTIONS, "connections", NUMBER, 90)                                                  \
    FIELD(TRANSACTIONS, "transactions", NUMBER, 91)                                                \
    FIELD(CONNECTION, "connection", NUMBER, 92) /* trace: tells those of one domain apart */       \
    FIELD(MORE, "more", NUMBER, 93) /* diff, show: the next item goes on with this node's fields   \
                                     */                                                            \
    FIELD(HOLD, "hold", NUMBER, 94) /* seconds for which a domain that has ended is kept */        \
    FIELD(HELD, "held", NUMBER, 95) /* it has ended: seconds that are left of them */              \
    /* the switch */                                                                               \
    FIELD(BRIDGE, "bridge-entry", GROUP, 128)                                                      \
    FIELD(PORT, "port-entry", GROUP, 129)                                                          \
    FIELD(MIRROR, "mirror-entry", GROUP, 130)                                                      \
    FIELD(BRIDGE_NAME, "bridge", STRING, 131)                                                      \
    FIELD(UUID, "uuid", BYTES, 132)                                                                \
    FIELD(VIF, "vif", NUMBER, 133)                                                                 \
    FIELD(MAC, "mac", BYTES, 134) /* 6 bytes; may occur more than once */                          \
    FIELD(VID, "vid", NUMBER, 135)                                                                 \
    FIELD(GENERATION, "generation", NUMBER, 136)                                                   \
    FIELD(DIGEST, "digest", STRING, 137)                                                           \
    FIELD(MATCHED, "matched", NUMBER, 138) /* rules whose port is there */                         \
    FIELD(IPV4, "ipv4", BYTES, 139)        /* 4 bytes and the prefix length */                     \
    FIELD(IPV6, "ipv6", BYTES, 140)        /* 16 bytes and the prefix length */                    \
    FIELD(VLAN_MODE, "vlan-mode", NUMBER, 141)                                                     \
    FIELD(VLANS, "vlans", BYTES, 142) /* of a trunk: rules_put_vlan() */                           \
    FIELD(PVID_TAGGED, "pvid-tagged", NUMBER, 143)                                                 \
    FIELD(LOCK, "locking-mode", NUMBER, 144)                                                       \
    FIELD(RATE_IN, "rate-in", NUMBER, 145)                                                         \
    FIELD(RATE_OUT, "rate-out", NUMBER, 146)                                                       \
    FIELD(BURST_IN, "burst-in", NUMBER, 147)                                                       \
    FIELD(BURST_OUT, "burst-out", NUMBER, 148)                                                     \
    FIELD(BROADCAST, "broadcast", NUMBER, 149) /* storm control, frames a second */                \
    FIELD(MULTICAST, "multicast", NUMBER, 150)                                                     \
    FIELD(UNKNOWN, "unknown", NUMBER, 151)                                                         \
    FIELD(ISOLATED, "isolated", NUMBER, 152)                                                       \
    FIELD(DHCP_SERVER, "dhcp-server", NUMBER, 153)                                                 \
    FIELD(UPLINK, "uplink", NUMBER, 154)                                                           \
    FIELD(FDB_LIMIT, "fdb-limit", NUMBER, 155)                                                     \
    FIELD(AGEING, "ageing", NUMBER, 156)                                                           \
    FIELD(MTU, "mtu", NUMBER, 157)                                                                 \
    FIELD(SNOOPING, "snooping", NUMBER, 158)                                                       \
    FIELD(LOOP_GUARD, "loop-guard", NUMBER, 159)                                                   \
    FIELD(SNAP, "snap", NUMBER, 160)                                                               \
    FIELD(DIRECTION, "direction", NUMBER, 161)                                                     \
    FIELD(SOURCE, "source", GROUP, 162) /* UUID, VIF, DIRECTION */                                 \
    FIELD(STATE, "state", STRING, 163)                                                             \
    FIELD(GUEST, "guest", STRING, 164)                                                             \
    FIELD(QUEUES, "queues", NUMBER, 165)                                                           \
    FIELD(FEATURES, "features", STRING, 166)                                                       \
    FIELD(AGE, "age", NUMBER, 167) /* nanoseconds since a frame came from it */                    \
    FIELD(STATIC, "static", NUMBER, 168)                                                           \
    FIELD(REASON, "reason", STRING, 169) /* of a drop: services/netback-switch/drop.h */           \
    FIELD(DROP, "drop", GROUP, 170)      /* REASON, COUNT */                                       \
    FIELD(FRAMES_IN, "frames-in", NUMBER, 171)                                                     \
    FIELD(FRAMES_OUT, "frames-out", NUMBER, 172)                                                   \
    FIELD(BYTES_IN, "bytes-in", NUMBER, 173)                                                       \
    FIELD(BYTES_OUT, "bytes-out", NUMBER, 174)                                                     \
    FIELD(COPIES, "copies", NUMBER, 175)                                                           \
    FIELD(COPY_BYTES, "copy-bytes", NUMBER, 176)                                                   \
    FIELD(NOTIFICATIONS, "notifications", NUMBER, 177)                                             \
    FIELD(FRAMES, "frames", NUMBER, 178)                                                           \
    FIELD(PVID, "pvid", NUMBER, 179)                                                               \
    FIELD(GUESTLESS, "unidentified", NUMBER, 180) /* ports of guests that nobody named yet */      \
    FIELD(RULES_HEAD, "rules", GROUP, 181)        /* VERSION, GENERATION, DIGEST... */             \
    FIELD(RULES_TAIL, "rules-end", GROUP, 182)    /* BRIDGES, PORTS, MIRRORS */                    \
    FIELD(UNKNOWN_GUESTS, "unknown-guests", NUMBER, 183) /* enum rules_unknown */                  \
    FIELD(DEFAULT_BRIDGE, "default-bridge", STRING, 184)                                           \
    FIELD(BROADCAST_BURST, "broadcast-burst", NUMBER, 185) /* frames */                            \
    FIELD(MULTICAST_BURST, "multicast-burst", NUMBER, 186)                                         \
    FIELD(UNKNOWN_BURST, "unknown-burst", NUMBER, 187)                                             \
    FIELD(BRIDGES, "bridges", NUMBER, 188)                                                         \
    FIELD(PORTS, "ports", NUMBER, 189)                                                             \
    FIELD(MIRRORS, "mirrors", NUMBER, 190)                                                         \
    FIELD(PORT_NUMBER, "port", NUMBER, 200)                                                        \
    FIELD(CONNECTED, "connected", NUMBER, 201)                                                     \
    FIELD(FROM_PORT, "from-port", STRING, 202) /* where a MAC was before */                        \
    FIELD(FDB_ENTRIES, "fdb-entries", NUMBER, 203)                                                 \
    FIELD(BLOCKED, "blocked", NUMBER, 204) /* nanoseconds that the loop guard still blocks it */   \
    FIELD(MULTICAST_IN, "multicast-in", NUMBER, 205)                                               \
    FIELD(BROADCAST_IN, "broadcast-in", NUMBER, 206)                                               \
    FIELD(GSO_IN, "gso-in", NUMBER, 207)                                                           \
    FIELD(MULTICAST_OUT, "multicast-out", NUMBER, 208)                                             \
    FIELD(BROADCAST_OUT, "broadcast-out", NUMBER, 209)                                             \
    FIELD(GSO_OUT, "gso-out", NUMBER, 210)                                                         \
    FIELD(PAYLOAD_COPIES, "payload-copies", NUMBER, 211)                                           \
    FIELD(KICKS, "kicks", NUMBER, 212)                                                             \
    FIELD(CHECKSUMS, "checksums", NUMBER, 213)                                                     \
    FIELD(SEGMENTS, "segments", NUMBER, 214)                                                       \
    FIELD(WAITED, "waited", NUMBER, 215)                                                           \
    FIELD(CONNECTS, "connects", NUMBER, 216)                                                       \
    /* the monitor */                                                                              \
    FIELD(FLOW, "flow", BYTES, 256)       /* struct flow_record and its strings */                 \
    FIELD(PROGRAM, "program", BYTES, 257) /* classic BPF, 8 bytes an instruction */                \
    FIELD(ALERT, "alert-entry", GROUP, 258)                                                        \
    FIELD(FEED, "feed-entry", GROUP, 259)                                                          \
    FIELD(SERIES, "series", NUMBER, 260) /* 1: with SECONDS_*, 2: with MINUTES_* as well */        \
    FIELD(SECONDS_OUT, "seconds-out", BYTES, 261) /* u32 each, the newest whole second first */    \
    FIELD(SECONDS_IN, "seconds-in", BYTES, 262)                                                    \
    FIELD(MINUTES_OUT, "minutes-out", BYTES, 263) /* u64 each, the newest whole minute first */    \
    FIELD(MINUTES_IN, "minutes-in", BYTES, 264)                                                    \
    FIELD(CLASS, "class", GROUP, 265) /* NAME, COUNT (bytes): a protocol class */                  \
    FIELD(FLOWS, "flows", NUMBER, 266)                                                             \
    FIELD(FAMILY, "family", NUMBER, 267)                                                           \
    FIELD(PROTOCOL, "protocol", NUMBER, 268)                                                       \
    FIELD(SOURCE_ADDRESS, "source-address", BYTES, 269)                                            \
    FIELD(DESTINATION_ADDRESS, "destination-address", BYTES, 270)                                  \
    FIELD(L4_PORT, "l4-port", NUMBER, 271)                                                         \
    FIELD(MAC_BEFORE, "mac-before", BYTES, 272)                                                    \
    FIELD(OTHER_GUEST, "other-guest", STRING, 273)                                                 \
    FIELD(OTHER_UUID, "other-uuid", BYTES, 274)                                                    \
    FIELD(OTHER_DOMID, "other-domid", NUMBER, 275)                                                 \
    FIELD(OTHER_VIF, "other-vif", NUMBER, 276)                                                     \
    FIELD(SUPPRESSED, "suppressed", NUMBER, 277)                                                   \
    FIELD(THRESHOLD, "threshold", NUMBER, 278)                                                     \
    FIELD(FLOWS_MAX, "flows-max", NUMBER, 279) /* that the table has room for */                   \
    FIELD(FLOWS_HIGHEST, "flows-highest", NUMBER, 280)                                             \
    FIELD(FLOWS_CREATED, "flows-created", NUMBER, 281)                                             \
    FIELD(FLOWS_REFUSED, "flows-refused", NUMBER, 282) /* frames of flows that found no place */   \
    FIELD(FLOWS_ENDED, "flows-ended", GROUP, 283)      /* REASON, COUNT */                         \
    FIELD(DECODED, "decoded", GROUP, 284)              /* NAME, COUNT (frames): how that went */   \
    FIELD(FRAGMENTS, "fragments", NUMBER, 285)                                                     \
    FIELD(FRAGMENTS_MATCHED, "fragments-matched", NUMBER, 286)                                     \
    FIELD(EGRESS_FRAMES, "egress-frames", NUMBER, 287) /* seen again on their way out */           \
    FIELD(APPLICATIONS, "applications", NUMBER, 288)   /* flows that have names */                 \
    FIELD(APPLICATIONS_REFUSED, "applications-refused", NUMBER, 289)                               \
    FIELD(ALERTS, "alerts", NUMBER, 290)                                                           \
    FIELD(CAPTURES, "captures", NUMBER, 291) /* under way */                                       \
    FIELD(BROKEN, "broken", NUMBER, 292)     /* times that a feed's stream made no sense */

/** The tags as they are on the wire: the kind in the top two bits. */
enum control_tag {
#define CONTROL_FIELD_TAG(id, name, kind, number)                                                  \
    CONTROL_F_##id = (CONTROL_FIELD_##kind << 14) | (number),
#define CONTROL_FIELD_NUMBER 0
#define CONTROL_FIELD_STRING 1
#define CONTROL_FIELD_BYTES  2
#define CONTROL_FIELD_GROUP  3
    CONTROL_FIELDS(CONTROL_FIELD_TAG)
#undef CONTROL_FIELD_TAG
};

#endif
