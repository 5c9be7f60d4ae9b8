"""A decision that was kept is read back whole."""

from types import SimpleNamespace
from typing import cast

import pytest

from optics.eyes import Side
from rules.catalog import Blank, Catalog, Severity
from rules.decision import Decision, LensPlan, Price, PriceLine, Violation
from rules.tables import Fired
from rules.view import DesignType
from services.lims import evidence

BLANK = Blank("sf-mr8-400-70", "mr8", ("clear",), (DesignType.PROGRESSIVE,), (), 400, 412, 7000, 900)
CATALOG = cast("Catalog", SimpleNamespace(blanks={BLANK.id: BLANK}))


def plan(side: Side) -> LensPlan:
    """Returns how a lens is made."""
    return LensPlan(
        side=side,
        blank=BLANK,
        base=400,
        front=412,
        back_flat=-625,
        back_steep=-700,
        minimum_blank=6250,
        centre=200,
        edge_thinnest=210,
        edge_thinnest_angle=12,
        edge_thickest=375,
        edge_thickest_angle=181,
        weight=680,
        estimated=False,
        programs=(("generate", "PAL-3"), ("polish", "P-17")),
        route=("surfacing", "edging", "shipping"),
    )


ACCEPTED = Decision(
    violations=(Violation("OPPOSITE_SIGNS", Severity.WARNING, "prescription", "Look again: ± …", (), "opposite"),),
    lenses=(plan(Side.RIGHT), plan(Side.LEFT)),
    route=("surfacing", "edging", "shipping"),
    lead_time_days=5,
    price=Price(
        "standard",
        "EUR",
        (
            PriceLine("Comfort", None, 14800, "base-price", "mr8"),
            PriceLine("Slab-off", Side.LEFT, 3900, "options", "so"),
        ),
        18700,
    ),
    fired=(Fired("opposite", "", None), Fired("base-curve", "minus", Side.RIGHT)),
    revision="ab" * 32,
)
REFUSED = Decision(
    violations=(Violation("UNKNOWN_ENTRY", Severity.ERROR, "lens.material", "…", ("mr8", "mr10")),),
    lenses=(),
    route=(),
    lead_time_days=None,
    price=None,
    fired=(),
    revision="",
    engine="0",
)


@pytest.mark.parametrize("decision", [ACCEPTED, REFUSED], ids=["accepted", "refused"])
def test_what_was_kept_is_what_was_decided(decision: Decision) -> None:
    """Equal as a value, and equal to the byte when it is written again."""
    read = evidence.read(decision.to_bytes(), CATALOG)
    assert read == decision
    assert read.to_bytes() == decision.to_bytes()
