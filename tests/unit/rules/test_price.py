"""What a spec costs."""

from dataclasses import replace
from typing import Any

from optics.eyes import Side
from rules.catalog import Catalog
from rules.decide import Price, decide
from rules.load import load
from rules.spec import Eyes, Spec

Files = dict[str, Any]


def price(catalog: Catalog, spec: Spec) -> Price:
    """Returns what a spec costs."""
    found = decide(catalog, spec).price
    assert found is not None
    return found


def lens(spec: Spec, **fields: object) -> Spec:
    """Returns the spec with another lens."""
    return replace(spec, lens=replace(spec.lens, **fields))


def lines(catalog: Catalog, spec: Spec) -> list[tuple[str, int]]:
    """Returns every charge with its amount."""
    return [(line.label, line.amount) for line in price(catalog, spec).lines]


def test_a_price_is_the_sum_of_what_is_charged_in_the_order_of_the_tables(catalog: Catalog, spec: Spec) -> None:
    """Each line says which row charges it."""
    found = price(catalog, lens(spec, coatings=("hc", "top"), options=("polish",)))

    assert (found.list, found.currency, found.total) == ("standard", "EUR", 12000 + 1250 + 800)
    assert [(line.label, line.amount, line.table, line.row) for line in found.lines] == [
        ("Pal in CR-39", 12000, "lenses", "pal"),
        ("Hard coat", 1250, "coatings", "hc"),
        ("Polished edge", 800, "polished", "polish"),
    ]


def test_the_account_decides_the_list(catalog: Catalog, spec: Spec) -> None:
    """And nothing else."""
    assert price(catalog, replace(spec, account="A-1")).list == "friends"
    assert lines(catalog, replace(spec, account="A-1"))[0] == ("Pal in CR-39", 8000)
    assert price(catalog, replace(spec, account="B-1")).list == "standard"


def test_a_share_is_of_what_has_come_together_before_it(catalog: Catalog, spec: Spec) -> None:
    """A single lens is 45 % less, before its coating is charged."""
    assert lines(catalog, replace(spec, eyes=Eyes.RIGHT)) == [
        ("Pal in CR-39", 12000),
        ("Single lens", -5400),
        ("Hard coat", 1250),
    ]


def test_what_depends_on_how_a_lens_is_made_is_charged_by_the_eye(catalog: Catalog, spec: Spec) -> None:
    """A blank of 75 mm costs more than one of 65."""
    large = replace(spec, frame=replace(spec.frame, ed=5500))

    found = [(line.label, line.side, line.amount) for line in price(catalog, large).lines if line.table == "oversize"]
    assert found == [("Large blank", Side.RIGHT, 500), ("Large blank", Side.LEFT, 500)]


def test_a_form_sees_the_price_grow_while_it_is_filled_in(catalog: Catalog, spec: Spec) -> None:
    """As soon as there is something that costs."""
    unfinished = replace(Spec(eyes=Eyes.BOTH), lens=spec.lens)

    assert lines(catalog, unfinished) == [("Pal in CR-39", 12000), ("Hard coat", 1250)]
    assert decide(catalog, lens(spec, design="")).price is None


def test_what_has_to_be_charged_and_is_not_leaves_no_price(catalog: Catalog, spec: Spec) -> None:
    """Better none than one that is too low."""
    assert decide(catalog, lens(spec, design="stock")).price is None


def test_a_lab_without_a_price_list_tells_no_price(files: Files, spec: Spec) -> None:
    """It accepts orders all the same."""
    del files["prices.yaml"]
    decision = decide(load(files), spec)

    assert (decision.accepted, decision.price) == (True, None)


def test_the_rows_of_a_price_are_told_and_those_of_none_are_not(catalog: Catalog, spec: Spec) -> None:
    """What had no say is not named."""
    rules = [{each.rule for each in decide(catalog, one).fired} for one in (spec, lens(spec, design="stock"))]

    assert {"price-list", "lenses", "coatings"} <= rules[0]
    assert not {"price-list", "lenses", "coatings"} & rules[1]


def test_the_time_it_takes_is_the_table_s(catalog: Catalog, spec: Spec) -> None:
    """Vacuum coating takes longer."""
    assert decide(catalog, spec).lead_time_days == 5
    assert decide(catalog, lens(spec, coatings=("ar",))).lead_time_days == 9


def test_a_lens_without_a_price_or_a_time_is_not_accepted(files: Files, spec: Spec) -> None:
    """Nobody could be told what it costs, or when it comes."""
    files["prices.yaml"]["tables"][1]["rows"] = [
        row for row in files["prices.yaml"]["tables"][1]["rows"] if row["id"] == "pal-mr10"
    ]
    decided = decide(load(files), spec)
    assert (decided.accepted, decided.price, decided.lenses) == (False, None, ())
    assert [(each.code, each.field) for each in decided.violations] == [("NOT_SET", "lens.design")]
    assert "the lab has set none for Pal in CR-39" in decided.violations[0].message
