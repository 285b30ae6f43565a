#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Is the Grafana dashboard sound, and does every metric that it asks for exist?

usage: dashboard_check.py ROOT. The metrics are those in the sources of the services, named as
host-tools/metrics_text.c names them. Each breach is a line; exit status 1 if there is one.
"""
import glob
import json
import os
import re
import sys

BESIDES = {'atoll_up': 'service', 'atoll_service_info': 'service domid version',
           'atoll_scrape_duration_seconds': 'service', 'atoll_samples_left_out': ''}


def metric(name, unit, counter):
    name = re.sub(r'_total$', '', 'atoll_' + name)
    if unit == 'bytes':
        name = re.sub(r'_bytes_', '_', name, count=1)
    ending = {'bytes': '_bytes', 'nanoseconds': '_seconds', 'seconds': '_seconds'}.get(unit, '')
    for end in [ending] + ['_total'] * counter:
        name += '' if name.endswith(end) else end
    return name


def metrics(root):
    """The names of all metrics, out of tables and calls: NAME, "help", UNIT, COUNTER."""
    pattern = re.compile(r'"([a-z][a-z0-9_]*)",\s*(?:"[^"]*"\s*)+,\s*(NULL|"[a-z]+"),\s*(true|false)\b')
    found = set()
    files = glob.glob(os.path.join(root, 'services/*/*.c')) + glob.glob(os.path.join(root, 'common/*.c'))
    for path in files:
        with open(path) as file:
            for name, unit, counter in pattern.findall(file.read()):
                found.add(metric(name, unit.strip('"'), counter == 'true'))
    return found


def labels(root):
    found = {'service', 'instance', 'job'}
    for path in glob.glob(os.path.join(root, 'services/*/*.c')):
        with open(path) as file:
            found.update(re.findall(r'control_label\(\w+, "(\w+)"', file.read()))
    return found


def check_panel(panel, ids, taken, known, known_labels):
    where = panel.get('title', '?')
    if panel.get('id') in ids:
        yield f'{where}: a second panel {panel.get("id")}'
    ids.add(panel.get('id'))
    grid = panel['gridPos']
    if grid['x'] + grid['w'] > 24:
        yield f'{where}: wider than the grid'
    for x in range(grid['x'], grid['x'] + grid['w']):
        for y in range(grid['y'], grid['y'] + grid['h']):
            if (x, y) in taken:
                yield f'{where}: over another panel at {x}, {y}'
                return
            taken.add((x, y))
    if panel['type'] == 'row':
        return
    if panel['type'] not in ('timeseries', 'stat'):
        yield f'{where}: type {panel["type"]}'
    if not panel.get('description') or not panel.get('targets'):
        yield f'{where}: no description, or no target'
    if panel['datasource'] != {'type': 'prometheus', 'uid': '${datasource}'}:
        yield f'{where}: a data source of its own'
    refs = [t['refId'] for t in panel['targets']]
    if len(refs) != len(set(refs)):
        yield f'{where}: targets with one refId'
    for target in panel['targets']:
        yield from check_expression(where, target['expr'], known, known_labels)
        for name in re.findall(r'{{(\w+)}}', target['legendFormat']):
            if name not in known_labels:
                yield f'{where}: no label {name}'


def check_expression(where, text, known, known_labels):
    if [text.count(c) for c in '([{'] != [text.count(c) for c in ')]}']:
        yield f'{where}: brackets: {text}'
    for name in re.findall(r'\batoll_\w+', text):
        if name not in known:
            yield f'{where}: no metric {name}'
    for name in re.findall(r'(\w+)=~?"', text) + re.split(r',\s*', ','.join(re.findall(r'by \(([^)]*)\)', text))):
        if name and name not in known_labels:
            yield f'{where}: no label {name}'
    if re.search(r'(?<!rate\()(?<!increase\()\batoll_\w+_total\b', text):
        yield f'{where}: a counter without rate() or increase(): {text}'


def main():
    root = sys.argv[1]
    with open(os.path.join(root, 'packaging/grafana/atoll.json')) as file:
        board = json.load(file)
    known = metrics(root) | set(BESIDES)
    known_labels = labels(root) | {w for words in BESIDES.values() for w in words.split()}
    wrong = []
    if len(known) < 80:
        wrong.append(f'only {len(known)} metrics were found in the sources')
    for key in 'title', 'uid', 'schemaVersion', 'panels', 'templating', 'time', 'annotations':
        if key not in board:
            wrong.append(f'no {key}')
    if board.get('id') is not None:
        wrong.append('an id: it would replace another dashboard')
    variables = {v['name'] for v in board['templating']['list']}
    for used in set(re.findall(r'\$\{?(\w+)', json.dumps(board))) - {'__rate_interval', '__all'}:
        if used not in variables:
            wrong.append(f'no variable {used}')
    for variable in board['templating']['list']:
        if variable['type'] == 'query':
            wrong += check_expression(variable['name'], variable['definition'], known, known_labels)
    ids, taken = set(), set()
    for panel in board['panels']:
        wrong += check_panel(panel, ids, taken, known, known_labels)
    print('\n'.join(wrong) or f'ok: {len(board["panels"])} panels, {len(known)} metrics')
    sys.exit(1 if wrong else 0)


main()
