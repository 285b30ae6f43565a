#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Read back what the exporter sends: by nfcapd, by tshark, and by a TLS server that is particular.

usage: export_readback.py EXPORT_FLOWS ATOLL. Prints TAP. Needs nfdump, tshark and openssl.
"""
import glob
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings

warnings.simplefilter('ignore', DeprecationWarning)  # of old versions of TLS, which are to be refused

TESTS = []
COUNT = 400
TIMEOUT = 30


def test(function):
    TESTS.append(function)
    return function


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, want, what=''):
    check(got == want, f'{what}: got {got!r}, not {want!r}')


def export(target, form, flows='two', size=1400, files=(), count=COUNT):
    """What export-flows says it has sent, and what it said beside that."""
    run = subprocess.run([sys.argv[1], target, form, flows, str(count), str(size), *files],
                         capture_output=True, text=True, timeout=TIMEOUT)
    equal(run.returncode, 0, run.stderr)
    return json.loads(run.stdout), run.stderr


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


# -- collectors

class Datagrams:
    """Takes datagrams until it is left."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]
        self.messages, self.open = [], True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while True:
            try:
                self.messages.append(self.socket.recv(65536))
            except socket.timeout:
                if not self.open:
                    return

    def __exit__(self, *unused):
        self.open = False
        self.thread.join()
        self.socket.close()


class Stream:
    """Takes connections one after the other, with @context over TLS; what each sent is in @got."""

    def __init__(self, context=None, family=socket.AF_INET):
        self.context = context
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind(('127.0.0.1', 0) if family == socket.AF_INET else ('::1', 0))
        self.port = self.listener.getsockname()[1]
        self.got, self.errors, self.peers = [], [], []

    def __enter__(self):
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            connection.settimeout(5)
            data = b''
            try:
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                    self.peers.append(connection.getpeercert())
                while True:
                    part = connection.recv(65536)
                    if not part:
                        break
                    data += part
            except OSError as error:
                self.errors.append(str(error))
            self.got.append(data)
            connection.close()

    def __exit__(self, *unused):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(6)

    def messages(self):
        """The IPFIX messages of the first connection that sent anything."""
        data = next((d for d in self.got if d), b'')
        found = []
        while data:
            version, length = struct.unpack('>HH', data[:4])
            equal(version, 10, 'version')
            check(16 <= length <= len(data), f'a message of {length} bytes of {len(data)}')
            found.append(data[:length])
            data = data[length:]
        return found


# -- readers

def write_pcap(path, messages, port):
    """The messages as datagrams in a capture file (link type raw IP)."""
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101))
        for number, message in enumerate(messages):
            length = 28 + len(message)
            packet = struct.pack('>BBHHHBBH4s4s', 0x45, 0, length, number & 0xffff, 0, 64, 17, 0,
                                 bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1]))
            packet += struct.pack('>HHHH', 40000, port, 8 + len(message), 0) + message
            file.write(struct.pack('<IIII', 1700000000 + number, 0, length, length) + packet)


def tshark(messages, version, fields):
    """Each field's values, of all messages, as tshark reads them; nothing may be wrong with any."""
    port = 4739 if version == 10 else 2055
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'x.pcap')
        write_pcap(path, messages, port)
        command = ['tshark', '-n', '-r', path, '-T', 'fields', '-E', 'aggregator=;']
        wrong = ['_ws.malformed', '_ws.expert.message']
        for field in [*wrong, *fields]:
            command += ['-e', field]
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        equal(run.returncode, 0, run.stderr)
    values = {field: [] for field in fields}
    for line in run.stdout.splitlines():
        columns = line.split('\t')
        equal(columns[:len(wrong)], [''] * len(wrong), 'what tshark finds wrong')
        for field, column in zip(fields, columns[len(wrong):]):
            values[field] += column.split(';') if column else []
    return values


def numbers(values):
    return sum(int(v, 0) for v in values)


def nfdump(form, flows, size=1400):
    """What export-flows has sent, the sums that nfdump makes of it, its flows, nfcapd's log."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, 'log')
        with open(log, 'w') as out:
            collector = subprocess.Popen(
                ['nfcapd', '-w', folder, '-b', '127.0.0.1', '-p', str(port), '-t', '3600', '-B', '4000000'],
                stdout=out, stderr=out)
        try:
            wait_for_udp(port)
            sent, said = export(f'udp://127.0.0.1:{port}', form, flows, size)
            equal(said, '', 'what export-flows says')
            wait_until_read(port)
        finally:
            collector.terminate()
            collector.wait(TIMEOUT)
        files = glob.glob(os.path.join(folder, 'nfcapd.*'))
        run = subprocess.run(['nfdump', '-r', files[0], '-o', 'csv'], capture_output=True, text=True,
                             timeout=TIMEOUT)
        rows = [line.split(',') for line in run.stdout.splitlines()]
        with open(log) as file:
            return sent, dict(zip(rows[-2], rows[-1])), rows, file.read()


def waiting(port):
    """Bytes that wait in the socket that is bound to @port, as the kernel has them; None: there is none."""
    with open('/proc/net/udp') as file:
        for line in file:
            words = line.split()
            if words[1] == f'0100007F:{port:04X}':
                return int(words[4].split(':')[1], 16)
    return None


def wait_for_udp(port):
    end = time.monotonic() + TIMEOUT
    while waiting(port) is None:
        check(time.monotonic() < end, 'nfcapd does not listen')
        time.sleep(0.02)


def wait_until_read(port):
    end = time.monotonic() + TIMEOUT
    while waiting(port):
        check(time.monotonic() < end, 'nfcapd does not read')
        time.sleep(0.05)
    time.sleep(0.3)


# -- tests

def through_nfcapd(form, flows, records):
    sent, sums, rows, log = nfdump(form, flows)
    equal(int(sums['flows']), records(sent), 'flows')
    equal(int(sums['bytes']), sent['octets'], 'octets')
    equal(int(sums['packets']), sent['layer2_packets'], 'packets')
    check('Bad Packets: 0' in log, log)
    check('rror: ' not in log and 'extra' not in log and 'invalid' not in log, log)
    if form == 'netflow9':
        # nfcapd counts records of options as missing flows in IPFIX, where they have numbers, too.
        check('Sequence Errors: 0' in log, log)
    head = rows[0]
    first = dict(zip(head, rows[1]))
    equal(first['ts'], time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(1700000000)), 'start')
    ports = {dict(zip(head, row))['dp'] for row in rows[1:-3] if row[7] == 'ICMP'}
    check(str(8 << 8) in ports, f'no echo request among {ports}')


@test
def ipfix_by_nfcapd():
    through_nfcapd('ipfix', 'two', lambda sent: sent['sent'])


@test
def netflow9_by_nfcapd():
    through_nfcapd('netflow9', 'two', lambda sent: sent['sent'])


@test
def biflows_by_nfcapd():
    through_nfcapd('ipfix', 'one', lambda sent: COUNT)


FIELDS = ['cflow.octets', 'cflow.packets', 'cflow.layer2_octet_delta_count', 'cflow.ignore_packets',
          'cflow.if_name', 'cflow.http_request_host']


def compare(sent, messages, version):
    got = tshark(messages, version, FIELDS)
    equal(numbers(got['cflow.octets']), sent['octets'], 'octets')
    equal(numbers(got['cflow.packets']), sent['layer2_packets'], 'packets')
    equal(numbers(got['cflow.layer2_octet_delta_count']), sent['layer2_octets'], 'frames')
    check('77' in got['cflow.ignore_packets'], got['cflow.ignore_packets'])
    check('web"1/0' in got['cflow.if_name'], got['cflow.if_name'][:3])
    return got


@test
def ipfix_by_tshark():
    for flows, size in ('two', 1400), ('two', 480), ('one', 1400), ('one', 480):
        with Datagrams() as collector:
            sent, said = export(f'udp://127.0.0.1:{collector.port}', 'ipfix', flows, size)
            time.sleep(0.2)
        equal(said, '')
        equal(len(collector.messages), sent['messages'], 'messages')
        check(max(map(len, collector.messages)) <= size, 'a message is too long')
        got = compare(sent, collector.messages, 10)
        check('www.example.org' in got['cflow.http_request_host'], got['cflow.http_request_host'][:3])


@test
def netflow9_by_tshark():
    for size in 1400, 480:
        with Datagrams() as collector:
            sent, said = export(f'udp://127.0.0.1:{collector.port}', 'netflow9', 'two', size)
            time.sleep(0.2)
        equal(said, '')
        equal([struct.unpack('>I', m[12:16])[0] for m in collector.messages],
              list(range(sent['messages'])), 'sequence')
        compare(sent, collector.messages, 9)


@test
def ipfix_over_tcp():
    for family, host in (socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '[::1]'):
        with Stream(family=family) as collector:
            sent, _ = export(f'tcp://{host}:{collector.port}', 'ipfix', 'two', 8192)
            time.sleep(0.1)
        messages = collector.messages()
        equal(len(messages), sent['messages'], 'messages')
        compare(sent, messages, 10)


@test
def nobody_listens():
    """Datagrams that are refused, and a connection: counted, said once, and no wait for ever."""
    sent, said = export(f'udp://127.0.0.1:{free_port()}', 'ipfix')
    check(sent['lost'] > 0, sent)
    equal(said.count('nobody listens'), 1, said)
    start = time.monotonic()
    sent, said = export(f'tcp://127.0.0.1:{free_port()}', 'ipfix')
    check(sent['sent'] == 0 and sent['lost'] >= 675, sent)
    check('cannot connect (Connection refused)' in said, said)
    check(time.monotonic() - start < 10, 'it took too long')


@test
def slow_collector():
    """It takes nothing: what is more than the queue holds is lost, counted and said."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(('127.0.0.1', 0))
    listener.listen()
    sent, said = export(f'tcp://127.0.0.1:{listener.getsockname()[1]}', 'ipfix', 'two', 8192,
                        count=100000)
    listener.close()
    check('it takes them too slowly' in said, said)
    check('the export ends' in said or sent['lost'] > 50000, said)


def write_capture(path):
    """300 conversations over UDP, the answers longer than the questions; what it has."""
    octets = 0
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(3000):
            client, back = number % 300, number // 300 % 2
            ends = [(socket.inet_aton(f'10.0.{client // 250}.{client % 250 + 1}'), 40000),
                    (socket.inet_aton('192.0.2.53'), 5353)]
            (source, sport), (destination, dport) = reversed(ends) if back else ends
            data = bytes(500 if back else 20)
            ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0, source, destination)
            frame = bytes(range(2, 14)) + b'\x08\0' + ip + struct.pack('>HHHH', sport, dport, 8 + len(data), 0) + data
            octets += 28 + len(data)
            file.write(struct.pack('<IIII', 1700000000 + number // 100, 0, len(frame), len(frame)) + frame)
    return {'flows': 600, 'packets': 3000, 'octets': octets}


def atoll(*arguments):
    return subprocess.run([sys.argv[2], 'export', *arguments], capture_output=True, text=True, timeout=TIMEOUT)


@test
def capture_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'x.pcap')
        want = write_capture(path)
        for form, version in ('ipfix', 10), ('netflow9', 9):
            with Datagrams() as collector:
                run = atoll('-r', path, '--to', f'udp://127.0.0.1:{collector.port}', '--format', form)
                time.sleep(0.2)
            equal((run.returncode, run.stderr), (0, ''))
            got = tshark(collector.messages, version, FIELDS)
            equal(len(got['cflow.octets']), want['flows'], 'flows')
            equal(numbers(got['cflow.octets']), want['octets'], 'octets')
            equal(numbers(got['cflow.packets']), want['packets'], 'packets')
        with Stream() as collector:
            run = atoll('-r', path, '--to', f'tcp://127.0.0.1:{collector.port}', '--biflow')
            time.sleep(0.2)
        equal(run.returncode, 0, run.stderr)
        got = tshark(collector.messages(), 10, FIELDS)
        equal(numbers(got['cflow.octets']), want['octets'], 'octets')
        run = atoll('-r', path, '--to', f'udp://127.0.0.1:{free_port()}')
        equal(run.returncode, 1, run.stderr)
        check('did not reach the collector' in run.stderr, run.stderr)
        with open(path, 'r+b') as file:
            file.truncate(100000)
        with Datagrams() as collector:
            run = atoll('-r', path, '--to', f'udp://127.0.0.1:{collector.port}')
        equal(run.returncode, 1, run.stderr)


# -- TLS

def openssl(folder, *arguments):
    run = subprocess.run(['openssl', *arguments], cwd=folder, capture_output=True, text=True)
    equal(run.returncode, 0, run.stderr)


def make_certificates(folder):
    """Two authorities, ca and other; certificates of ca for the server localhost and the client, and one of
    ca for another name."""
    for ca in 'ca', 'other':
        openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                '-keyout', f'{ca}.key', '-out', f'{ca}.pem', '-days', '2', '-subj', f'/CN={ca}')
    for name, dns in ('server', 'localhost'), ('wrong', 'elsewhere.example'), ('client', 'exporter'):
        with open(os.path.join(folder, f'{name}.ext'), 'w') as file:
            file.write(f'subjectAltName=DNS:{dns}\n')
        openssl(folder, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                f'{name}.key', '-out', f'{name}.csr', '-subj', f'/CN={dns}')
        openssl(folder, 'x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
                '-CAcreateserial', '-out', f'{name}.pem', '-days', '2', '-extfile', f'{name}.ext')


def over_tls(certificate='server', ca='ca', client=True, newest=ssl.TLSVersion.TLSv1_3, host='localhost'):
    with tempfile.TemporaryDirectory() as folder:
        make_certificates(folder)
        path = lambda name: os.path.join(folder, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
        context.load_cert_chain(path(f'{certificate}.pem'), path(f'{certificate}.key'))
        context.load_verify_locations(path('ca.pem'))
        context.verify_mode = ssl.CERT_REQUIRED
        files = [path(f'{ca}.pem')] + ([path('client.pem'), path('client.key')] if client else [])
        with Stream(context) as collector:
            sent, said = export(f'tls://{host}:{collector.port}', 'ipfix', 'two', 8192, files)
            time.sleep(0.1)
        return sent, said, collector


@test
def tls_both_ways():
    for newest in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
        sent, said, collector = over_tls(newest=newest)
        equal(collector.errors, [])
        equal(collector.peers[0]['subjectAltName'], (('DNS', 'exporter'),))
        messages = collector.messages()
        equal(len(messages), sent['messages'], said)
        compare(sent, messages, 10)


def refused(word, **how):
    sent, said, collector = over_tls(**how)
    check(word in said, said)
    equal(b''.join(collector.got), b'', 'what the server got')
    return sent


@test
def tls_wrong_authority():
    equal(refused('The certificate issuer is unknown', ca='other')['sent'], 0)


@test
def tls_wrong_name():
    equal(refused('does not match', certificate='wrong')['sent'], 0)


@test
def tls_address_that_is_not_in_the_certificate():
    equal(refused('does not match', host='127.0.0.1')['sent'], 0)


@test
def tls_without_our_certificate():
    # Its alert may be lost with what it had not read.
    refused('; again in', client=False)


@test
def tls_too_old():
    equal(refused('', newest=ssl.TLSVersion.TLSv1_1)['sent'], 0)


def main():
    print(f'1..{len(TESTS)}')
    for number, function in enumerate(TESTS, 1):
        try:
            function()
            print(f'ok {number} - {function.__name__}', flush=True)
        except Exception:
            print(f'not ok {number} - {function.__name__}', flush=True)
            print('# ' + traceback.format_exc().replace('\n', '\n# '), flush=True)


if __name__ == '__main__':
    main()
