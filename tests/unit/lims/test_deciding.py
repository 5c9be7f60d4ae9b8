"""What was decided once is not decided again, as long as it is remembered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import pytest
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.type.v1.frame_pb2 import EDGE_TYPE_GROOVE
from lensmesh.type.v1.prescription_pb2 import EYES_BOTH

from optics.eyes import Side
from rules.catalog import Catalog
from rules.decision import Decision, Geometry
from rules.load import load
from rules.spec import Spec
from services.lims import deciding, messages, starter
from services.lims.deciding import Decisions
from services.lims.model import Revision

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE, OTHER = Revision(1, "aa", NOON), Revision(2, "bb", NOON)
CATALOG = cast("Catalog", object())


class Rules:
    """Stands in for the rules: counts what it is asked, and what geometry it is given."""

    def __init__(self) -> None:
        self.asked: list[tuple[Spec, str]] = []
        self.kept: list[Mapping[Side, Geometry] | None] = []

    def decide(self, catalog: Catalog, spec: Spec, *, revision: str, kept: Mapping[Side, Geometry] | None) -> Decision:
        """Accepts everything."""
        assert catalog is CATALOG
        self.asked.append((spec, revision))
        self.kept.append(kept)
        geometry = {Side.RIGHT: Geometry(50_000, 40_000, 52_000, None)}
        return Decision((), (), (), None, None, (), revision, geometry=geometry)


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Rules:
    """The rules."""
    stand_in = Rules()
    monkeypatch.setattr(deciding, "decide", stand_in.decide)
    return stand_in


def spec(design: str = "comfort-pal", sphere: float = -1.25) -> JobSpec:
    """Returns a spec."""
    message = JobSpec()
    message.lens.design, message.prescription.right.sphere = design, sphere
    return message


def test_a_create_after_a_validate_decides_once(rules: Rules) -> None:
    """The spec that was shown is the spec that is submitted."""
    decisions = Decisions()
    first = decisions.decide(ONE, CATALOG, messages.ordered(spec(), "100200"))
    assert decisions.decide(ONE, CATALOG, messages.ordered(spec(), "100200")) is first
    assert [(asked.account, revision) for asked, revision in rules.asked] == [("100200", "aa")]


def test_another_revision_spec_or_account_is_decided_anew(rules: Rules) -> None:
    """Each of them may be answered otherwise."""
    decisions = Decisions()
    for revision, asked in (
        (ONE, messages.ordered(spec())),
        (OTHER, messages.ordered(spec())),
        (ONE, messages.ordered(spec("sv-aspheric"))),
        (ONE, messages.ordered(spec(sphere=-1.5))),
        (ONE, messages.ordered(spec(), "100200")),
    ):
        decisions.decide(revision, CATALOG, asked)
    assert len(rules.asked) == 5


def test_another_lens_for_the_same_eyes_and_frame_keeps_its_geometry(rules: Rules) -> None:
    """That of another prescription is not taken for it."""
    decisions = Decisions()
    first = decisions.decide(ONE, CATALOG, messages.ordered(spec()))
    decisions.decide(ONE, CATALOG, messages.ordered(spec("sv-aspheric")))
    decisions.decide(ONE, CATALOG, messages.ordered(spec("sv-aspheric", sphere=-1.5)))
    assert rules.kept == [None, first.geometry, None]


def test_what_was_used_longest_ago_is_forgotten(rules: Rules) -> None:
    """Memory is bounded."""
    decisions = Decisions(kept=2)
    for sphere in (-1.0, -2.0, -1.0, -3.0, -1.0, -2.0):
        decisions.decide(ONE, CATALOG, messages.ordered(spec(sphere=sphere)))
    assert [asked.right.sphere for asked, _ in rules.asked] == [-100, -200, -300, -200]


def test_what_was_decided_before_does_not_change_a_decision() -> None:
    """A segment is no part of the surface and a progressive's addition is: one solid once passed for the other."""
    catalog = load(starter.files())
    order = JobSpec(
        eyes=EYES_BOTH,
        frame={"a": 52, "b": 38, "dbl": 18, "edge_type": EDGE_TYPE_GROOVE},
        lens={"material": "cr39", "coatings": ["hc"]},
    )
    for eye in (order.prescription.right, order.prescription.left):
        eye.sphere, eye.cylinder, eye.axis, eye.add, eye.distance_pd, eye.fitting_height = 4, -1, 90, 2.5, 32, 19
    decisions = Decisions()
    for design in ("ft28", "comfort-pal", "ft28"):
        order.lens.design = design
        asked = messages.ordered(order)
        alone = Decisions().decide(ONE, catalog, asked).to_bytes()
        assert decisions.decide(ONE, catalog, asked).to_bytes() == alone
