"""Reads a decision back from the bytes that are kept with its job (`rules.decision.Decision.to_bytes`)."""

import json
from typing import Any

from optics.eyes import Side
from rules.catalog import Catalog, Severity
from rules.decision import Decision, LensPlan, Price, PriceLine, Violation
from rules.tables import Fired


def read(content: bytes, catalog: Catalog) -> Decision:
    """Returns the decision that was kept, without its geometry.

    Args:
        content: The bytes.
        catalog: The catalog of the revision it was decided under, which has the blanks that it names.
    """
    plain = json.loads(content)
    return Decision(
        violations=tuple(map(_violation, plain["violations"])),
        lenses=tuple(_lens(each, catalog) for each in plain["lenses"]),
        route=tuple(plain["route"]),
        lead_time_days=plain["lead_time_days"],
        price=_price(plain["price"]) if plain["price"] else None,
        fired=tuple(Fired(rule, row, _side(side)) for rule, row, side in plain["fired"]),
        revision=plain["revision"],
        engine=plain["engine"],
    )


def _violation(plain: dict[str, Any]) -> Violation:
    return Violation(**plain | {"severity": Severity[plain["severity"]], "alternatives": tuple(plain["alternatives"])})


def _lens(plain: dict[str, Any], catalog: Catalog) -> LensPlan:
    return LensPlan(
        **plain
        | {
            "side": Side(plain["side"]),
            "blank": catalog.blanks[plain["blank"]],
            "programs": tuple((step, program) for step, program in plain["programs"]),
            "route": tuple(plain["route"]),
        }
    )


def _price(plain: dict[str, Any]) -> Price:
    lines = (PriceLine(label, _side(side), amount, table, row) for label, side, amount, table, row in plain["lines"])
    return Price(plain["list"], plain["currency"], tuple(lines), plain["total"])


def _side(plain: str | None) -> Side | None:
    return None if plain is None else Side(plain)
