"""The same rules in two other engines: decision tables in zen-engine, constraints in cel-expr-python.

Both are held to our answers (`tests/unit/bench/test_peers.py`), and each is used in the fastest way that was found:

    zen-engine        tables become decision graphs with the same rows and inputs, which answer with the row's id. They
                      are held by an engine with a static loader, which compiles them once; a decision that is made of
                      the content (``create_decision``) costs twenty times as much a call. Asked are single tables, as
                      ours are, and graphs of all tables that are asked about the same facts.
    cel-expr-python   constraints are compiled once. Givens and numbers with units are written as plain integers, since
                      neither is folded and each would cost a call. Nouns are protobuf messages with the fields that
                      constraints read and no others. Asked are single expressions, and one list of all of a scope.
"""

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest.mock import patch

from google.protobuf.message import Message
from zen import ZenEngine

from optics.eyes import Side
from optics.numbers import parse_hundredths
from rules.catalog import Catalog, Constraint
from rules.decide import decide
from rules.decision import Geometry
from rules.expression.language import environment, messages
from rules.expression.tree import Has, Read, walk
from rules.expression.view import Field, Scope
from rules.facts import take
from rules.plan import plan
from rules.spec import Spec
from rules.tables import NOT_SAID, Condition, Is, OneOf, Row, SomeOf, Span, Table, Within
from rules.units import UNITS_BY_SYMBOL
from rules.view import OF_EYE, OF_PAIR, OF_PLAN, SCOPES

Nouns: TypeAlias = tuple[object, ...]


# ── what one decision asks ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LookUp:
    """A table, and what it is asked about."""

    table: Table
    nouns: Nouns


def look_ups(catalog: Catalog, spec: Spec, kept: Mapping[Side, Geometry]) -> tuple[LookUp, ...]:
    """Returns every question to a table that a decision asks, in its order."""
    asked: list[LookUp] = []
    find = Table.find

    def noted(table: Table, nouns: Sequence[object]) -> Row | None:
        # what is charged stands in one noun, which the next question changes
        asked.append(LookUp(table, tuple(copy.copy(noun) for noun in nouns)))
        return find(table, nouns)

    with patch.object(Table, "find", noted):
        decide(catalog, spec, kept=kept)
    return tuple(asked)


def views(catalog: Catalog, spec: Spec, kept: Mapping[Side, Geometry]) -> tuple[tuple[str, Nouns], ...]:
    """Returns every scope whose constraints a decision asks, with the nouns: each eye, the pair, each plan."""
    case = take(catalog, spec, kept)
    planned = plan(case, [])
    return (
        *((OF_EYE.name, case.of_eye(side)) for side in case.sides),
        (OF_PAIR.name, case.of_pair),
        *((OF_PLAN.name, case.of_plan(side, facts)) for side, facts in planned.facts.items()),
    )


# ── decision tables in zen-engine ─────────────────────────────────────────────────────────────────────────────────────

Context: TypeAlias = dict[str, dict[str, Any]]
"""Facts as zen-engine takes them: the fields by noun."""


@dataclass(frozen=True, slots=True)
class Question:
    """Tables that are asked about the same facts.

    Attributes:
        key: What the graph of these tables is called.
        tables: The tables.
        nouns: The facts.
    """

    key: str
    tables: tuple[Table, ...]
    nouns: Nouns


def together(asked: Sequence[LookUp]) -> tuple[Question, ...]:
    """Returns as few questions as they can be put in: one for each set of facts."""
    groups: list[tuple[Nouns, list[Table]]] = []
    for each in asked:
        for nouns, tables in groups:
            if nouns == each.nouns and all(table.id != each.table.id for table in tables):
                tables.append(each.table)
                break
        else:
            groups.append((each.nouns, [each.table]))
    return tuple(Question(_key(tables), tuple(tables), nouns) for nouns, tables in groups)


def singly(asked: Sequence[LookUp]) -> tuple[Question, ...]:
    """Returns a question for each table that is asked."""
    return tuple(Question(_key([each.table]), (each.table,), each.nouns) for each in asked)


def _key(tables: Iterable[Table]) -> str:
    return "+".join(table.id for table in tables)


class Zen:
    """A zen-engine that holds the tables of some questions."""

    def __init__(self, catalog: Catalog, questions: Iterable[Question]) -> None:
        """Takes what it will be asked."""
        graphs = {question.key: question.tables for question in questions}
        content = {key: _graph(tables) for key, tables in graphs.items()}
        self._engine = ZenEngine({"loader": {"type": "static", "content": content}})
        self._fields = _fields_of_tables(catalog)

    def context(self, question: Question) -> Context:
        """Returns the facts of a question: the fields that any table of the scope reads."""
        scope = question.tables[0].scope
        return {
            noun.name: {name: _plain(getattr(value, name)) for name in self._fields.get((scope.name, noun.name), ())}
            for noun, value in zip(scope.nouns, question.nouns, strict=True)
        }

    def answer(self, question: Question, context: Context) -> dict[str, Any]:
        """Returns what it finds: the row by table."""
        found: dict[str, Any] = self._engine.evaluate(question.key, context)["result"]
        return found

    def rows(self, question: Question) -> tuple[str | None, ...]:
        """Returns the id of the row that answers, for each of the tables."""
        found = self.answer(question, self.context(question))
        return tuple((found.get(table.id) or {}).get("row") for table in question.tables)


def rows(question: Question) -> tuple[str | None, ...]:
    """Returns the id of the row that answers for each of the tables, by ours."""
    found = (table.find(question.nouns) for table in question.tables)
    return tuple(row.id if row else None for row in found)


def _fields_of_tables(catalog: Catalog) -> dict[tuple[str, str], tuple[str, ...]]:
    """Returns the fields that any table of a scope reads of a noun."""
    read: dict[tuple[str, str], dict[str, None]] = {}
    for table in catalog.tables.values():
        for column in table.columns:
            noun = table.scope.nouns[column.noun].name
            read.setdefault((table.scope.name, noun), {})[column.field.name] = None
    return {key: tuple(names) for key, names in read.items()}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _graph(tables: Sequence[Table]) -> dict[str, Any]:
    """Returns a decision graph that asks tables side by side."""
    return {
        "nodes": [
            {"id": "facts", "name": "facts", "type": "inputNode", "content": {}},
            *(
                {"id": table.id, "name": table.id, "type": "decisionTableNode", "content": _table(table)}
                for table in tables
            ),
            {"id": "rows", "name": "rows", "type": "outputNode", "content": {}},
        ],
        "edges": [
            {"id": f"{source}-{target}", "sourceId": source, "targetId": target, "type": "edge"}
            for table in tables
            for source, target in (("facts", table.id), (table.id, "rows"))
        ],
    }


def _table(table: Table) -> dict[str, Any]:
    used = [column for column in table.columns if any(column.name in row.when for row in table.rows)]
    return {
        "hitPolicy": "first",
        "passThrough": False,
        "inputField": None,
        "outputPath": table.id,
        "executionMode": "single",
        "inputs": [{"id": column.name, "name": column.name, "field": column.path} for column in used],
        "outputs": [{"id": "row", "name": "row", "field": "row"}],
        "rules": [
            {
                "_id": row.id,
                **{column.name: _cell(row.when[column.name]) if column.name in row.when else "" for column in used},
                "row": _quoted(row.id),
            }
            for row in table.rows
        ],
    }


def _cell(condition: Condition) -> str:
    """Returns a condition as a cell of a table says it."""
    match condition:
        case OneOf(values, absent):
            return ", ".join(_quoted(value) for value in sorted(values | (NOT_SAID if absent else frozenset())))
        case SomeOf(values, absent):
            some = f"some($, # in [{', '.join(_quoted(value) for value in sorted(values))}])"
            return f"len($) == 0 or {some}" if absent and values else "len($) == 0" if absent else some
        case Within(spans, absent):
            return ", ".join([*(_span(span) for span in spans), *(["null"] if absent else [])])
        case Is(value):
            return "true" if value else "false"


def _span(span: Span) -> str:
    match span:
        case (None, None):
            return "!= null"
        case (None, high):
            return f"<= {high}"
        case (low, None):
            return f">= {low}"
        case (low, high):
            return f"[{low}..{high}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# ── constraints in CEL ────────────────────────────────────────────────────────────────────────────────────────────────

_NUMBER = re.compile(rf"\b(?:{'|'.join(UNITS_BY_SYMBOL)})\(\s*(-?[0-9.]+)\s*\)")
_GIVEN = re.compile(r"\bgiven\.(\w+)")


class Cel:
    """The constraints of a catalog as `cel-expr-python` answers them."""

    def __init__(self, catalog: Catalog) -> None:
        """Compiles them."""
        self._fields = {name: _fields_of_constraints(catalog, scope) for name, scope in SCOPES.items()}
        self._classes = {name: messages(scope) for name, scope in SCOPES.items()}
        self._environments = {name: environment(scope, ()) for name, scope in SCOPES.items()}
        sources = {name: [_source(constraint) for constraint in catalog.objections[name][1]] for name in SCOPES}
        self._single = {
            name: [self._environments[name].compile(source) for source in listed] for name, listed in sources.items()
        }
        self._listed = {
            name: self._environments[name].compile(f"[{', '.join(f'({source})' for source in listed)}]")
            for name, listed in sources.items()
        }

    def activation(self, scope: str, nouns: Nouns) -> Any:  # noqa: ANN401 -- the library's own, which has no types
        """Returns the facts of a scope as it takes them: messages, and the activation that holds them."""
        fields, classes = self._fields[scope], self._classes[scope]
        return self._environments[scope].Activation(
            {
                noun.name: _message(classes[noun.name], fields[noun.name], value)
                for noun, value in zip(SCOPES[scope].nouns, nouns, strict=True)
            }
        )

    def one_by_one(self, scope: str, activation: Any) -> list[bool]:  # noqa: ANN401 -- as above
        """Returns the answer of each constraint of a scope."""
        return [expression.eval(activation).value() for expression in self._single[scope]]

    def at_once(self, scope: str, activation: Any) -> list[bool]:  # noqa: ANN401 -- as above
        """Returns the same, asked as one expression: the list of all."""
        answers: list[bool] = self._listed[scope].eval(activation).plain_value()
        return answers


def verdicts(catalog: Catalog, scope: str, nouns: Nouns) -> list[bool]:
    """Returns the answer of each constraint of a scope, by ours."""
    return list(catalog.objections[scope][0](*nouns))


def _source(constraint: Constraint) -> str:
    """Returns the expression with plain integers for its givens and its numbers with units."""
    plain = _NUMBER.sub(lambda found: f"({parse_hundredths(found[1])})", constraint.refuse)
    return _GIVEN.sub(lambda found: f"({constraint.given[found[1]].value})", plain)


def _fields_of_constraints(catalog: Catalog, scope: Scope) -> dict[str, tuple[Field, ...]]:
    """Returns the fields that any constraint of a scope reads, by noun."""
    read = set(_read(catalog.objections[scope.name][1]))
    return {noun.name: tuple(field for field in noun.fields if (noun.name, field.name) in read) for noun in scope.nouns}


def _read(constraints: Iterable[Constraint]) -> Iterator[tuple[str, str]]:
    for constraint in constraints:
        if constraint.checked is not None:
            for node in walk(constraint.checked.root):
                if isinstance(node, Read | Has):
                    yield node.noun, node.field.name


def _message(made_of: type[Message], fields: Sequence[Field], noun: object) -> Message:
    values = {field.name: getattr(noun, field.name) for field in fields}
    return made_of(**{name: value for name, value in values.items() if value is not None})
