"""What z3 says of an expression at a point is what its closure says."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import z3
from hypothesis import given, settings

from rules.expression.check import Checked
from rules.expression.closure import closure
from rules.expression.view import Field, Kind
from rules.proof.formulas import Variables, formula, solvable

_SPEC = importlib.util.spec_from_file_location("agreement", Path(__file__).with_name("test_expression_agreement.py"))
assert _SPEC
assert _SPEC.loader
agreement: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(agreement)

OTHER = "\0"


def words(field: Field) -> tuple[str, ...]:
    """Returns the texts that a field of the test can have, and what an expression may name."""
    domain = field.domain
    if isinstance(domain, str):
        return ("", *agreement.DOMAINS[domain])
    return domain or ("", *agreement.WORDS, OTHER)


def at(checked: Checked, nouns: tuple[SimpleNamespace, ...]) -> bool:
    """Returns what z3 makes of an expression when every variable has its value."""
    variables = Variables(words, z3.Context())
    asked = formula(checked.root, variables, {})
    pairs = []
    for noun, values in zip(agreement.SCOPE.nouns, nouns, strict=True):
        for field in noun.fields:
            path, value = f"{noun.name}.{field.name}", getattr(values, field.name)
            if field.optional:
                pairs.append((variables.has(path, field), variables.true(value=value is not None)))
            if field.kind is Kind.TEXTS:
                pairs += [
                    (variables.member(path, field, word), variables.true(value=word in value)) for word in words(field)
                ]
                pairs.append((variables.size(path, field), z3.IntVal(len(value), variables.context)))
            elif field.kind is Kind.BOOL:
                pairs.append((variables.read(path, field), variables.true(value=bool(value))))
            else:
                number = (
                    words(field).index(value or "")
                    if field.kind is Kind.TEXT and not (value is None or value not in words(field))
                    else (value if isinstance(value, int) else field.low or 0)
                )
                pairs.append((variables.read(path, field), z3.IntVal(number, variables.context)))
    answer = z3.simplify(z3.substitute(asked, *pairs))
    assert z3.is_true(answer) or z3.is_false(answer)
    return bool(z3.is_true(answer))


@settings(max_examples=150, deadline=None)
@given(checked=agreement.expressions(), facts=agreement.rows)
def test_z3_and_closure_agree(checked: Checked, facts: list[tuple[SimpleNamespace, SimpleNamespace]]) -> None:
    """On everything that is admitted, for every spec, absent fields included."""
    for nouns in facts:
        assert at(checked, nouns) == closure(checked)(*nouns)


@pytest.mark.parametrize("dividend", [-51, -50, -25, -1, 0, 1, 24, 25, 51])
def test_division_rounds_towards_zero(dividend: int) -> None:
    """Where z3 rounds down."""
    towards_zero = abs(dividend) // 25 * (1 if dividend >= 0 else -1)
    rest = dividend - towards_zero * 25
    facts = agreement.row(vast=dividend)

    assert at(agreement.admitted(f"eye.vast / 25 == {towards_zero}"), facts)
    assert at(agreement.admitted(f"eye.vast % 25 == {rest}"), facts)


def test_a_product_of_two_fields_is_beyond_what_is_solved() -> None:
    """Numbers as they are written are not."""
    assert not solvable(agreement.admitted("eye.shift * eye.shift > 2").root)
    assert solvable(agreement.admitted("eye.shift * 2 > given.count").root)
