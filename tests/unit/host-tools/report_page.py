#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Is a report well-formed HTML that needs nothing from elsewhere and runs nothing, whatever guests, hosts
and files are called?

usage: report_page.py TEST_TRAFFIC ATOLL. TEST_TRAFFIC writes the page of its hostile test.
"""
import html.parser
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile

VOID = {'meta', 'br'}
TAGS = VOID | set('html head title style body header h1 h2 p div b span section svg line text path i ul li '
                  'table thead tbody tr th td footer'.split())
ATTRIBUTES = set('lang charset name content http-equiv class style role aria-label viewbox x y x1 x2 y1 y2 d '
                 'text-anchor title'.split())


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.text, self.counts = [], [], [], {}
        self.feed(text)
        self.close()
        if self.open:
            self.wrong.append(f'left open: {self.open}')

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in TAGS:
            self.wrong.append(f'<{tag}> at {self.getpos()}')
        names = [name for name, _ in attributes]
        for name, value in attributes:
            if name not in ATTRIBUTES or names.count(name) > 1:
                self.wrong.append(f'{name}= in <{tag}> at {self.getpos()}')
            if name == 'style' and not re.fullmatch(
                    r'width:[\d.]+%|background:rgba\(var\(--bar\),[\d.]+\)', value):
                self.wrong.append(f'style="{value}"')
            if name == 'd' and not re.fullmatch(r'M[-\d. LZ]+', value):
                self.wrong.append(f'd="{value[:60]}"')
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f'</{tag}> at {self.getpos()}')

    def handle_comment(self, data):
        self.wrong.append(f'a comment at {self.getpos()}')

    def handle_data(self, data):
        if self.open and self.open[-1] != 'style':
            self.text.append(data)


def check_page(data):
    text = data.decode()  # UTF-8, or it fails here
    page = Page(text)
    wrong = page.wrong
    if not text.startswith('<!DOCTYPE html>'):
        wrong.append('no doctype')
    # Attributes that fetch are none of those that there may be.
    if re.search(r'https?:|url\(|@import', text[:text.index('</style>')]):
        wrong.append('something from elsewhere')
    if "default-src 'none'" not in text:
        wrong.append('no policy')
    if re.search('[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]', text):
        wrong.append('a control character')
    if wrong:
        sys.exit('\n'.join(wrong[:10]))
    return page, ''.join(page.text)


def write_capture(path, name):
    """DNS over UDP from 30 hosts, asking for @name."""
    query = struct.pack('>HHHHHH', 1, 0x100, 1, 0, 0, 0)
    query += b''.join(bytes([len(part)]) + part for part in name.split(b'.')) + b'\0' + struct.pack('>HH', 1, 1)
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(300):
            udp = struct.pack('>HHHH', 40000, 53, 8 + len(query), 0) + query
            ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                             socket.inet_aton(f'10.0.0.{number % 30 + 1}'), socket.inet_aton('192.0.2.53'))
            frame = bytes(range(2, 14)) + b'\x08\0' + ip + udp
            file.write(struct.pack('<IIII', 1700000000 + number, 0, len(frame), len(frame)) + frame)


def main():
    test, atoll = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'page.html')
        subprocess.run([test], env={**os.environ, 'TRAFFIC_PAGE': path}, check=True, stdout=subprocess.DEVNULL)
        with open(path, 'rb') as file:
            page, text = check_page(file.read())
        assert '<script>alert(1)</script>"\'&' in text
        assert page.counts['svg'] == 1 and page.counts['table'] >= 7, page.counts
        capture = os.path.join(folder, '<img src=x onerror=alert(1)>.pcap')
        write_capture(capture, b'www.ex<b>ample.org')
        run = subprocess.run([atoll, 'report', '-r', capture, '-o', '-'], capture_output=True)
        assert run.returncode == 0 and not run.stderr, run.stderr
        page, text = check_page(run.stdout)
        for word in '10.0.0.1', '19 more are not shown', '192.0.2.53', '53/udp', 'UDP', '<img src=x':
            assert word in text, f'{word} is not in the report'
        # Without what is outside of the time.
        run = subprocess.run([atoll, 'report', '-r', capture, '-o', '-', '--since', '2023-11-14T22:18:15'],
                             capture_output=True)
        _, text = check_page(run.stdout)
        assert '10.0.0.30' in text and '10.0.0.2 ' not in text and 'more are not shown' not in text
    print('ok')


main()
