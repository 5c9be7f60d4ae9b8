"""Bodies for every write route of the contracts: each field of each message at each depth, with what its sender meant.

They are spelt in every way that people, languages and attackers spell JSON.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.contract import Binding, Rpc
from tests.edge.stand_in import RPCS, message_class

Field = FieldDescriptor
_RAW = "google.api.HttpBody"
_VARIABLE = re.compile(r"\{([\w.]+)=([^}]+)\}")
_WELL_KNOWN: Mapping[str, object] = {"google.protobuf.Timestamp": "2026-01-02T03:04:05Z"}
_SAMPLES: Mapping[int, tuple[object, object]] = {
    Field.TYPE_STRING: ("a", "b"),
    Field.TYPE_DOUBLE: (1.25, -2.5),
    Field.TYPE_INT32: (7, 8),
    Field.TYPE_INT64: ("12", "13"),
    Field.TYPE_BOOL: (True, False),
}


@dataclass(frozen=True)
class Route:
    """A REST request that has a body."""

    rpc: Rpc
    binding: Binding

    @property
    def path(self) -> str:
        """The route's path for one certain resource."""
        return _VARIABLE.sub(lambda variable: _resource(variable[2]), self.binding.template)

    @property
    def in_path(self) -> dict[str, str]:
        """What the path says: field → value."""
        return {name: _resource(pattern) for name, pattern in _VARIABLE.findall(self.binding.template)}

    @property
    def message(self) -> Descriptor:
        """The message in the body."""
        request = message_class(self.rpc.request).DESCRIPTOR
        if self.binding.body == "*":
            return request
        return request.fields_by_name[self.binding.body].message_type

    def request(self, meant: Mapping[str, Any]) -> Message | None:
        """Make the request that a sender means by this body and the path; None if it means none of the contract's."""
        body = meant if self.binding.body == "*" else {self.binding.body: meant}
        try:
            request = json_format.ParseDict(body, message_class(self.rpc.request)())
        except (json_format.ParseError, ArithmeticError, ValueError, RecursionError):
            return None
        for path, value in self.in_path.items():
            *outer, name = path.split(".")
            holder: Any = request
            for each in outer:
                holder = getattr(holder, each)
            if getattr(holder, name) in {"", value}:
                setattr(holder, name, value)
        return request


@dataclass(frozen=True)
class Case:
    """One body."""

    name: str
    body: bytes
    meant: Mapping[str, Any] | None
    """What its sender means, as a reader that forgives everything would understand it; None where it means two things
    at once, or nothing that a request could hold."""
    good: bool = False
    """True: it is JSON of the contract, and has to pass."""


@dataclass(frozen=True)
class Place:
    """A field of a message somewhere in a body."""

    outer: tuple[Field, ...]
    """The fields on the way to the message."""
    field: Field

    def key(self, spelling: str) -> str:
        """Spell the field."""
        return str(getattr(self.field, spelling))

    def around(self, text: str, spelling: str) -> bytes:
        """Put the text of an object where the message is."""
        for field in reversed(self.outer):
            inner = f"[{text}]" if field.is_repeated else text
            text = f'{{"{getattr(field, spelling)}":{inner}}}'
        return text.encode("utf-8", "surrogateescape")

    def meaning(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Put an object's members where the message is."""
        meant: Any = dict(members)
        for field in reversed(self.outer):
            meant = {field.name: [meant] if field.is_repeated else meant}
        return dict(meant)

    def values(self) -> tuple[Any, Any]:
        """Two values of the field; alike where it has no two."""
        message = self.field.message_type
        if message is not None and message.GetOptions().map_entry:
            # its keys are the sender's own
            kept = message.fields_by_name["value"]
            return tuple({"a": value} for value in _SAMPLES[kept.type])  # type: ignore[return-value]  # two samples each
        if message is not None:
            one = other = _WELL_KNOWN.get(message.full_name, {})
        elif self.field.enum_type is not None:
            names = [value.name for value in self.field.enum_type.values]
            one, other = names[1], names[-1]
        else:
            one, other = _SAMPLES[self.field.type]
        return ([one], [other]) if self.field.is_repeated else (one, other)


def _resource(pattern: str) -> str:
    """Name a resource of a path template's pattern (`practices/*/orders/*`)."""
    return pattern.replace("*", "seaview", 1).replace("*", "a1")


ROUTES = [
    route
    for rpc in RPCS
    for binding in rpc.bindings
    if binding.body and (route := Route(rpc, binding)).message.full_name != _RAW
]
GETS = [Route(rpc, binding) for rpc in RPCS for binding in rpc.bindings if not binding.body]


def places(message: Descriptor, outer: tuple[Field, ...] = ()) -> Iterator[Place]:
    """Find every field of every message of a body, at every depth."""
    for field in message.fields:
        yield Place(outer, field)
        inner = field.message_type
        if inner is not None and not inner.GetOptions().map_entry and inner.full_name not in _WELL_KNOWN:
            yield from places(field.message_type, (*outer, field))


# How one member of an object is written. Each takes the key, two values as JSON and the first as Python, and gives the
# text of the object with the members it means; None for what cannot be meant.
Meaning = dict[str, Any] | None
Spelt = tuple[str, Meaning]
Speller = Callable[[str, str, str, Any], Spelt]


def _as(template: str, *, means: bool = True) -> Speller:
    """Write the member by a template: K is the key, V a value, W another."""

    def spell(key: str, one: str, other: str, value: object) -> Spelt:
        parts = {"K": key, "V": one, "W": other}
        text = re.sub("[KVW]", lambda each: parts[each[0]], template)
        return text, {key: value} if means else None

    return spell


def _key(change: Callable[[str], str]) -> Speller:
    """Write a changed key, which means what it says: a field of another name."""

    def spell(key: str, one: str, _other: str, value: object) -> Spelt:
        return f'{{"{change(key)}":{one}}}', {change(key): value}

    return spell


def _escaped(key: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in key)


GOOD: Mapping[str, Speller] = {
    "plain": _as('{"K":V}'),
    "white space": _as(' {\t"K" \r\n:  V\n} '),
    "escaped first letter": lambda k, v, _w, x: (f'{{"{_escaped(k[0])}{k[1:]}":{v}}}', {k: x}),
    "escaped letters": lambda k, v, _w, x: (f'{{"{_escaped(k)}":{v}}}', {k: x}),
    "escaped in capitals": lambda k, v, _w, x: (f'{{"{_escaped(k).upper().replace("U", "u")}":{v}}}', {k: x}),
}

# What is wrong with these is in their form, so the first few fields of every message show it.
BAD_FORMS: Mapping[str, Speller] = {
    "single-quoted key": _as("{'K':V}"),
    "bare key": _as("{K:V}"),
    "backquoted key": _as("{`K`:V}"),
    "unopened key": _as('{K":V}'),
    "trailing comma": _as('{"K":V,}'),
    "leading comma": _as('{,"K":V}'),
    "two commas": _as('{"K":V,,"K":V}'),
    "semicolon": _as('{"K":V;}'),
    "equals sign": _as('{"K"=V}'),
    "arrow": _as('{"K"=>V}'),
    "no colon": _as('{"K" V}'),
    "two colons": _as('{"K"::V}'),
    "no value": _as('{"K":}', means=False),
    "block comment": _as('{/* */"K":V}'),
    "block comment before the value": _as('{"K":/* */V}'),
    "line comment": _as('{//\n"K":V}'),
    "hash comment": _as('{#\n"K":V}'),
    "comment at the end": _as('{"K":V} // end'),
    "unclosed": _as('{"K":V'),
    "closed by the wrong mark": _as('{"K":V]'),
    "closed twice": _as('{"K":V}}'),
    "two documents": _as('{"K":V}{"K":W}', means=False),
    "parentheses": _as('({"K":V})'),
    "set": _as('{"K"}', means=False),
    "no-break space": _as('{\u00a0"K":V}'),
    "line separator": _as('{\u2028"K":V}'),
    "vertical tab": _as('{\x0b"K":V}'),
    "NUL after the end": _as('{"K":V}\0'),
    "NUL between": _as('{\0"K":V}'),
    "not a number": _as('{"K":NaN}', means=False),
    "infinity": _as('{"K":-Infinity}', means=False),
    "hexadecimal": _as('{"K":0x10}', means=False),
    "plus sign": _as('{"K":+1}', means=False),
    "no fraction": _as('{"K":1.}', means=False),
    "no whole": _as('{"K":.5}', means=False),
    "leading zero": _as('{"K":07}', means=False),
    "no exponent": _as('{"K":1e}', means=False),
    "undefined": _as('{"K":undefined}', means=False),
    "literal in capitals": _as('{"K":True}', means=False),
    "single-quoted value": _as("{\"K\":'a'}", means=False),
    "raw line end in a key": _as('{"K\n":V}', means=False),
    "bad escape in a key": _as('{"\\x61K":V}', means=False),
    "half a surrogate in a key": _as('{"\\ud83dK":V}', means=False),
    "bytes that are no text in a key": _as('{"\udcff K":V}', means=False),
    "an overlong letter in a key": _as('{"\udcc1\udcb0K":V}', means=False),
    "nested too deep": lambda k, _v, _w, _x: ('{"' + k + '":' + "[" * 200 + "]" * 200 + "}", None),
    "nested objects": lambda k, _v, _w, _x: ('{"' + k + '":' + '{"a":' * 200 + "1" + "}" * 200 + "}", None),
    "nested under an unknown key": lambda k, v, _w, _x: (f'{{"{k}":{v},"zz":{"[" * 60}{"]" * 60}}}', None),
}

BAD_NAMES: Mapping[str, Speller] = {
    "a letter more": _key(lambda k: k + "z"),
    "a letter less": _key(lambda k: k[1:]),
    "capitals": _key(lambda k: k.upper()),
    "a capital": _key(lambda k: k[:1].upper() + k[1:]),
    "a space after": _key(lambda k: k + " "),
    "a space before": _key(lambda k: " " + k),
    "a hyphen": _key(lambda k: k + "-"),
    "a dot": _key(lambda k: k + ".x"),
    "a list mark": _key(lambda k: k + "[]"),
    "brackets": _key(lambda k: f"[{k}]"),
    "a zero-width space": _key(lambda k: k + "\u200b"),
    "a Cyrillic letter": _key(lambda k: k.replace("e", "\u0435", 1) if "e" in k else k + "\u0435"),
    "an escaped NUL": lambda k, v, _w, x: (f'{{"{k}\\u0000":{v}}}', {k + "\0": x}),
    "an escaped letter more": lambda k, v, _w, x: (f'{{"{k}\\u007a":{v}}}', {k + "z": x}),
    "an escaped quote": lambda k, v, _w, x: (f'{{"{k}\\"":{v}}}', {k + '"': x}),
    "underscores": _key(lambda k: k + "_"),
    "no name at all": _key(lambda _: ""),
    "the type's name": _key(lambda _: "@type"),
    "a prototype": _key(lambda _: "__proto__"),
    "a key of 70 KB": _key(lambda k: k * (70_000 // len(k))),
    "a star": _key(lambda _: "*"),
    "beside a field": lambda k, v, _w, x: (f'{{"{k}":{v},"prizm":1}}', {k: x, "prizm": 1}),
    "before a field": lambda k, v, _w, x: (f'{{"prizm":null,"{k}":{v}}}', {k: x, "prizm": None}),
}

TWICE: Mapping[str, Speller] = {
    "twice": _as('{"K":V,"K":W}', means=False),
    "twice, once nothing": _as('{"K":V,"K":null}', means=False),
    "twice, first nothing": _as('{"K":null,"K":V}'),
    "twice through an escape": lambda k, v, w, _x: (f'{{"{k}":{v},"{_escaped(k[0])}{k[1:]}":{w}}}', None),
    "three times": _as('{"K":V,"K":W,"K":V}', means=False),
}

# Values of another type than the field's: what arrives must be the same value, if anything does.
OTHER_VALUES = (
    "null", "true", '"true"', "0", "-0", "7", '"7"', "7.0", "7.5", '"7.5"', "1e2", "1e400", "-1e-400", "2147483648",
    "9007199254740993", "18446744073709551616", '""', '"a"', '" 7"', '"0x7"', '"NaN"', '"Infinity"', '"null"', "[]",
    "{}", "[[]]", "[{}]", "[null]", "[1,null]", '["a",["b"]]', '{"a":1}', '{"value":1}', '"\\u0000"', '"\\u00e9"',
    '"😀"',
    '"\\ud83d\\ude00"', '"\\ud83d"', '"a\\ude00"', '"\\ude00\\ud83d"', '"2026-01-02T03:04:05Z"', '"2026-01-02"',
    "1767323045",
)  # fmt: skip
# As text, Envoy reads a double as C does; it arrives as the number that was meant.
_DOUBLES_IN_TEXT: Mapping[str, float] = {'"0x7"': 7.0}
_HALF_A_PAIR = re.compile(r"\\ud83d(?!\\ude00)|(?<!\\ud83d)\\ude00")


def cases(route: Route) -> Iterator[Case]:
    """Write every case of a route."""
    yield from _whole_bodies(route)
    seen: dict[str, int] = {}
    for place in places(route.message):
        # Lexical faults do not depend on the field, so three fields of each message show them.
        depth = "/".join(field.name for field in place.outer)
        seen[depth] = seen.get(depth, 0) + 1
        forms = BAD_FORMS if seen[depth] <= 3 else {}
        for spelling in ("name", "json_name"):
            yield from _members(place, spelling, {**GOOD, **BAD_NAMES, **TWICE, **forms})
            yield from _values(place, spelling)
        yield from _both_spellings(place)


def _members(place: Place, spelling: str, spellers: Mapping[str, Speller]) -> Iterator[Case]:
    key = place.key(spelling)
    value, other = place.values()
    for name, speller in spellers.items():
        text, meant = speller(key, json.dumps(value), json.dumps(other), value)
        yield Case(
            f"{'.'.join(field.name for field in place.outer)}/{key}: {name}",
            place.around(text, spelling),
            place.meaning(meant) if meant is not None else None,
            good=name in GOOD,
        )


def _values(place: Place, spelling: str) -> Iterator[Case]:
    key = place.key(spelling)
    for value in OTHER_VALUES:
        body = place.around(f'{{"{key}":{value}}}', spelling)
        read = json.loads(value)
        if place.field.type == Field.TYPE_DOUBLE:
            read = _DOUBLES_IN_TEXT.get(value, read)
        meant = None if _HALF_A_PAIR.search(value) else place.meaning({key: read})
        yield Case(f"{key}: {value}", body, meant)


def _both_spellings(place: Place) -> Iterator[Case]:
    one, other = (json.dumps(value) for value in place.values())
    keys = [place.field.name, place.field.json_name]
    if keys[0] != keys[1]:
        for first, second in (keys, keys[::-1]):
            text = f'{{"{first}":{one},"{second}":{other}}}'
            yield Case(f"{first} and {second}", place.around(text, "name"), None)


def _whole_bodies(route: Route) -> Iterator[Case]:
    every = list(places(route.message))
    place = next((place for place in every if place.field.name not in route.in_path), every[0])
    key, value = place.field.name, place.values()[0]
    text = json.dumps({key: value})
    meant = {key: value}
    yield Case("a byte order mark", b"\xef\xbb\xbf" + text.encode(), meant)
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        yield Case(encoding, text.encode(encoding), meant)
    yield Case("a list", f"[{text}]".encode(), meant)
    yield Case("two documents with a comma", f"{text},{text}".encode(), None)
    yield Case("a string", json.dumps(text).encode(), meant)
    yield Case("a form", f"{key}={value}".encode(), meant)
    for plain in (b"null", b"true", b"1", b'""', b"[]", b" ", b"\0"):
        yield Case(f"only {plain!r}", plain, None)
