#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Is what migration-test --write dumps a stream as docs/designs/xenstore-migration.md of Xen has it?

Reads the format from its description alone and shares nothing with the service. That it reads it
rightly is shown by a stream that C xenstored 4.17 wrote at a live update (streams/)."""
import os
import struct
import subprocess
import sys
import tempfile

PERMS = "nrwb"


class Body:
    """The bytes of one record, taken from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        assert self.at + length <= len(self.data), "a record is too short"
        self.at += length
        return self.data[self.at - length:self.at]

    def numbers(self, layout):
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def text(self, length):
        text = self.take(length)
        assert text.endswith(b"\0") and text.count(b"\0") == 1, text
        return text[:-1].decode()

    def end(self):
        rest = self.data[self.at:]
        assert len(rest) < 8 and not any(rest), "padding"


def quotas(body, count):
    values = body.numbers("%dI" % count)
    names = body.data[body.at:].split(b"\0")[:count]
    body.take(sum(len(name) + 1 for name in names))
    return dict(zip((name.decode() for name in names), values))


def read(data):
    """Everything in the stream, by kind of record."""
    state = {"nodes": {}, "order": [], "connections": {}, "watches": [], "domains": {}, "quota": {}}
    assert data[:8] == b"xenstore"
    version, flags = struct.unpack(">II", data[8:16])
    assert version in (1, 2) and flags == 0
    at = 16
    while True:
        kind, length = struct.unpack("<II", data[at:at + 8])
        assert length % 8 == 0, "records end at multiples of 8"
        body = Body(data[at + 8:at + 8 + length])
        assert len(body.data) == length, "cut off"
        at += 8 + length
        state["order"].append(kind)
        if kind == 0:
            break
        if kind == 1:
            body.numbers("ii")
        elif kind == 2:
            number, conn_type, fields, domid, target, port, n_in, n_partial, n_out = \
                body.numbers("IHHHHIHHI")
            assert number and number not in state["connections"] and conn_type in (0, 1)
            assert n_partial <= n_out and fields == 0
            body.take(n_in + n_out)
            state["connections"][number] = (domid if conn_type == 0 else None, target, port)
        elif kind in (3, 8):
            number, n_path, n_token = body.numbers("IHH")
            depth = body.numbers("HH") if kind == 8 else (0xffff, 0)
            assert kind == 3 or version >= 2 and depth[1] == 0
            assert number in state["connections"], "a watch before its connection"
            state["watches"].append((state["connections"][number][0], body.text(n_path),
                                     body.text(n_token), depth[0]))
        elif kind == 5:
            conn, transaction, n_path, n_value, access, n_perms = body.numbers("IIHHHH")
            assert (conn, transaction, access) == (0, 0, 0)
            perms = []
            for _ in range(n_perms):
                letter, ignored, domid = body.numbers("BBH")
                assert chr(letter) in PERMS and ignored in (0, 1)
                perms.append(chr(letter) + str(domid) + "!" * ignored)
            path = body.text(n_path)
            parent = path.rsplit("/", 1)[0] or "/"
            assert path == "/" or path[0] == "@" or parent in state["nodes"], "parents come first"
            assert path not in state["nodes"] and perms
            state["nodes"][path] = (body.take(n_value), ",".join(perms))
        elif kind == 6:
            per_domain, of_all = body.numbers("HH")
            state["quota"] = quotas(body, per_domain + of_all)
        elif kind == 7:
            domid, count, features = body.numbers("HHI")
            state["domains"][domid] = quotas(body, count)
            assert version >= 2 or features == 0
        else:
            raise AssertionError("record of type %d" % kind)
        body.end()
    assert at == len(data), "something follows the end"
    return state


def check_upstream():
    name = os.path.join(os.path.dirname(os.path.abspath(__file__)), "streams", "c-xenstored-4.17")
    with open(name, "rb") as file:
        state = read(file.read())
    assert state["nodes"]["/a/b"] == (b"value", "n0,r5!,b0"), state["nodes"]
    assert state["watches"] == [(None, "/a", "/a", 0xffff)]
    assert [domid for domid, _, _ in state["connections"].values()] == [0, None, None]


def main():
    check_upstream()
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "dump")
        subprocess.run([sys.argv[1], "--write", name], check=True)
        with open(name, "rb") as file:
            state = read(file.read())
    nodes = state["nodes"]
    assert nodes["/long"] == (bytes(3000), "n0"), nodes["/long"]
    assert nodes["/local/domain"] == (b"", "r0,w3,b4,n9!"), nodes["/local/domain"]
    assert nodes["/local/domain/3/data/x"] == (b"y", "n3")
    assert [path for path in nodes if path.startswith("/big/")] == \
        ["/big/n%d" % (i * 7 % 40) for i in range(40)], "children are not in order of creation"
    assert nodes["@releaseDomain"] == (b"", "n0,r3")
    assert "@introduceDomain" in nodes
    assert state["quota"]["nodes"] == 900 and state["quota"]["soft-memory"] == 2048 * 1024
    assert state["domains"] == {3: {"watches": 99}}, state["domains"]
    assert sorted(domid for domid, _, _ in state["connections"].values()) == [0, 3, 4]
    assert {domid: target for domid, target, _ in state["connections"].values()} == \
        {0: 0x7ff4, 3: 0x7ff4, 4: 3}
    assert sorted(state["watches"]) == [
        (0, "/big", "deep", 2), (0, "/big", "dom0's", 0xffff), (3, "@releaseDomain", "special", 0xffff),
        (3, "data", "relative", 0xffff), (4, "/local/domain/3", "absolute", 0xffff)], state["watches"]
    assert state["order"][0] == 1 and state["order"][-1] == 0
    print("%d nodes, %d watches: as the format has it" % (len(nodes), len(state["watches"])))


if __name__ == "__main__":
    main()
