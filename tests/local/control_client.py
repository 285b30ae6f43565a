# SPDX-License-Identifier: ISC
"""A client of the control protocol, written from docs/control-protocol.md alone.

It shares nothing with our C code, so that the page and the code are held to each other. A frame is
a tuple (type, kind, id, fields); fields are a list of (number, value), where the type of the value
says its kind: int, str, bytes, or a list for a group.
"""

import socket
import struct

REQUEST, REPLY, ERROR, ITEM, END, DATA, CANCEL = 1, 2, 3, 4, 5, 6, 7
HELLO, STATUS, STATS, LOGS, STOP, ECHO = 1, 2, 3, 4, 5, 6
FRAME_MAX, DEPTH_MAX = 4096, 4
HEADER = struct.Struct("<IHBBI")
NUMBER_FORMATS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}

VERSION, CLIENT, SERVICE, PROGRAM_VERSION, DOMID, TYPE, ERRNO, TEXT, DATA_FIELD = range(1, 10)
LIMIT, FOLLOW, SEQUENCE, TIME, LEVEL, LOST, UPTIME, STARTED, HEALTH, SEALED = range(10, 20)
MEMORY_TOTAL, MEMORY_USED, CLIENTS, NAME, VALUE, UNIT, COUNTER, LABEL, STATISTIC = range(20, 29)
COUNT, PATH, FORCE = 29, 30, 31


class Malformed(Exception):
    """What came is no frame of the protocol."""


class Refused(Exception):
    """The service answered with an error."""

    def __init__(self, fields):
        self.errno, self.text = first(fields, ERRNO), first(fields, TEXT)
        super().__init__(self.errno, self.text)


def first(fields, number, otherwise=None):
    """The value of the first field of that number."""
    return next((value for got, value in fields if got == number), otherwise)


def every(fields, number):
    return [value for got, value in fields if got == number]


def encode_fields(fields, width=None):
    """@width: of all numbers; None: whatever holds them."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            length = width or next(n for n in NUMBER_FORMATS if value < 1 << 8 * n)
            top, data = 0, struct.pack(NUMBER_FORMATS[length], value)
        elif isinstance(value, str):
            top, data = 1, value.encode()
        elif isinstance(value, bytes):
            top, data = 2, value
        else:
            top, data = 3, encode_fields(value, width)
        out += struct.pack("<HH", top << 14 | number, len(data)) + data + bytes(-len(data) % 4)
    return out


def encode(kind, ident, request, fields=(), width=None, flags=0):
    body = encode_fields(fields, width)
    return HEADER.pack(HEADER.size + len(body), request, kind, flags, ident) + body


def decode_fields(data, depth=0):
    fields, at = [], 0
    while at < len(data):
        if len(data) - at < 4:
            raise Malformed("half a field's header")
        tag, length = struct.unpack_from("<HH", data, at)
        value, at = data[at + 4:at + 4 + length], at + 4 + (length + 3) // 4 * 4
        if at > len(data):
            raise Malformed("a field goes beyond its end")
        top = tag >> 14
        if top == 0:
            if length not in NUMBER_FORMATS:
                raise Malformed("a number of %d bytes" % length)
            value = struct.unpack(NUMBER_FORMATS[length], value)[0]
        elif top == 1:
            value = value.decode()
        elif top == 3:
            if depth == DEPTH_MAX:
                raise Malformed("groups too deep")
            value = decode_fields(value, depth + 1)
        fields.append((tag & 0x3fff, value))
    return fields


class Connection:
    """One client, on a stream socket in place of the vchan. Every wait has a deadline."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(timeout)
        self.ident = 0
        self.version = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionError("the service has closed")
            data += more
        return data

    def receive(self):
        length, request, kind, _, ident = HEADER.unpack(self.exactly(HEADER.size))
        if length < HEADER.size or length > FRAME_MAX or length % 4:
            raise Malformed("a frame of %d bytes" % length)
        return request, kind, ident, decode_fields(self.exactly(length - HEADER.size))

    def send(self, kind, ident, request, fields=(), **how):
        self.socket.sendall(encode(kind, ident, request, fields, **how))

    def ask(self, request, fields=(), **how):
        """Send a request; its id."""
        self.ident += 1
        self.send(REQUEST, self.ident, request, fields, **how)
        return self.ident

    def expect(self, ident, *kinds):
        """The next frame, which must be of @ident: (kind, fields)."""
        _, kind, got, fields = self.receive()
        if got != ident:
            raise Malformed("id %d, not %d" % (got, ident))
        if kind == ERROR:
            raise Refused(fields)
        if kind not in kinds:
            raise Malformed("kind %d" % kind)
        return kind, fields

    def call(self, request, fields=(), **how):
        """The fields of the reply."""
        return self.expect(self.ask(request, fields, **how), REPLY)[1]

    def items(self, ident):
        """The fields of each item, up to the end."""
        while True:
            kind, fields = self.expect(ident, ITEM, END)
            if kind == END:
                return
            yield fields

    def stream(self, request, fields=()):
        return list(self.items(self.ask(request, fields)))

    def cancel(self, ident, request):
        """Cancel; the number of items that were under way."""
        self.send(CANCEL, ident, request)
        return len(list(self.items(ident)))

    def hello(self, name="second client"):
        fields = self.call(HELLO, [(VERSION, 1), (CLIENT, name)])
        self.version = first(fields, VERSION)
        return fields

    def is_closed(self):
        """Wait until the service closes; False: it sent something instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
