"""A catalog as the text files that an engineer writes: read as data for `rules.load`, told apart by area, written.

The files are YAML of which only texts, lists and mappings are used, so that no number is rounded on the way. Refused is
what YAML can do beyond that and a reviewer would not see: a field that stands twice, an alias, a second document. They
are read event by event, without recursion, because a text of brackets only would exhaust the stack.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

from rules.price import PRICE_LIST

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_DEEPEST = 16
"""How far lists and mappings may be nested; a catalog needs seven."""


class Area(StrEnum):
    """What an engineer works on at once: the files of one kind."""

    CATALOG = "catalog"
    """What can be ordered and where it is made."""
    TABLES = "tables"
    """Decision tables that do not charge."""
    CONSTRAINTS = "constraints"
    """Constraints."""
    TOLERANCES = "tolerances"
    """Tolerance profiles."""
    PRICES = "prices"
    """Price lists and the tables that charge."""


class FileError(ValueError):
    """A text is no file of a catalog; the message names the line."""


def read(text: str) -> object:
    """Returns what a file holds: mappings, lists and texts; an empty file holds no section.

    Raises:
        FileError: It is no YAML, or says a field twice, or uses what is not read.
    """
    try:
        return _built(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise FileError(f"{place}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise FileError(f"is no YAML text: {error}".partition("\n")[0]) from error


@dataclass(slots=True)
class _Node:
    """A list or mapping being read."""

    content: Any
    key: str | None = None

    def put(self, value: object, line: int) -> None:
        """Adds what comes next: an element, a key, or a key's value."""
        if isinstance(self.content, list):
            self.content.append(value)
        elif self.key is not None:
            self.content[self.key] = value
            self.key = None
        elif not isinstance(value, str):
            raise FileError(f"line {line}: a list or mapping cannot be the name of a field")
        elif value in self.content:
            raise FileError(f"line {line}: {value!r} stands there twice")
        else:
            self.key = value


def _built(events: Iterator[yaml.Event]) -> object:
    top = _Node([])
    open_nodes = [top]
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.AliasEvent():
                raise FileError(f"line {line}: *{event.anchor}: aliases are not read; say it again where it is meant")
            case yaml.ScalarEvent():
                open_nodes[-1].put(event.value, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if len(open_nodes) > _DEEPEST:
                    raise FileError(f"line {line}: is nested more than {_DEEPEST} deep")
                node = _Node({} if isinstance(event, yaml.MappingStartEvent) else [])
                open_nodes[-1].put(node.content, line)
                open_nodes.append(node)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                open_nodes.pop()
            case yaml.DocumentStartEvent() if top.content:
                raise FileError(f"line {line}: a second document begins; a file holds one")
    return top.content[0] if top.content else {}


def area(content: object) -> Area:
    """Returns the area a file belongs to, by the sections it holds."""
    if not isinstance(content, Mapping):
        return Area.CATALOG
    match sorted(content):
        case ["constraints"]:
            return Area.CONSTRAINTS
        case ["tolerances"]:
            return Area.TOLERANCES
        case ["tables"]:
            tables = content["tables"]
            charging = isinstance(tables, list) and bool(tables) and all(map(_charges, tables))
            return Area.PRICES if charging else Area.TABLES
        case _:
            return Area.CATALOG


def _charges(table: object) -> bool:
    return isinstance(table, Mapping) and ("charge" in table or table.get("id") == PRICE_LIST)


def written(content: object) -> str:
    """Returns data as a file's text: that of a catalog that was stored before texts were kept."""
    text: str = yaml.dump(content, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=120)
    return text
