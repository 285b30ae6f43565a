# SPDX-License-Identifier: ISC
"""XenStore's wire protocol over a Unix socket, for what libxenstore would never send."""

import socket
import struct

DIRECTORY, READ, WATCH = 1, 2, 4
TRANSACTION_START, TRANSACTION_END = 6, 7
WRITE, RM, WATCH_EVENT, ERROR = 11, 13, 15, 16
PAYLOAD_MAX = 4096
HEADER = struct.Struct("<IIII")


def message(kind, payload=b"", req_id=0, tx_id=0):
    return HEADER.pack(kind, req_id, tx_id, len(payload)) + payload


class Connection:
    """A socket; a wait of more than ten seconds for an answer is an error."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # waits while the server's queue of connections is full
        self.socket.settimeout(10)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionError("closed")
            data += more
        return data

    def receive(self):
        """(type, req_id, tx_id, payload) of the next message."""
        kind, req_id, tx_id, length = HEADER.unpack(self.exactly(HEADER.size))
        if length > PAYLOAD_MAX:
            raise ConnectionError("a message of %d bytes" % length)
        return kind, req_id, tx_id, self.exactly(length)

    def reply(self):
        """The next message that is no watch event."""
        while True:
            got = self.receive()
            if got[0] != WATCH_EVENT:
                return got

    def call(self, kind, payload=b"", tx_id=0):
        """(type, payload) of the answer."""
        self.send(message(kind, payload, 1, tx_id))
        got = self.reply()
        return got[0], got[3]

    def is_closed(self):
        """Wait until the server closes the connection; False: it sent something instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
