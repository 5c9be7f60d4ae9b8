"""A check over the contract: each kind of defect in a draft is found, with an order that the lab itself decides so."""

from collections.abc import Iterator

import pytest
from lensmesh.lims.v1.examination_pb2 import Finding
from lensmesh.lims.v1.lims_service_pb2 import ValidateJobRequest, ValidateJobResponse
from lensmesh.lims.v1.rule_service_pb2 import CheckDraftRequest, CheckDraftResponse, DeleteDraftRequest

from tests.contract.rulebook.conftest import Engineer, files
from tests.support.rulebook import LIMITS, PLANS, PRICES

BY_POWER = PLANS.replace("inputs: {}\n    outputs: {base: D}", "inputs: {power: eye.power_low}\n    outputs: {base: D}")
GAP = BY_POWER.replace("{id: all, base: 4.00,", '{id: all, power: "-2.00 .. 1.99", base: 4.00,')
OVERLAP = PRICES.replace(
    "      - {id: plain, design: [plain], amount: 40.00, reason: the list}\n",
    "      - {id: plain, design: [plain], amount: 40.00, reason: the list}\n"
    "      - {id: again, design: [plain], amount: 41.00, reason: planted}\n",
)
UNREACHABLE = BY_POWER.replace(
    "      - {id: all, base: 4.00,",
    '      - {id: strong, power: ".. -3.00", base: 3.00, reason: planted}\n      - {id: all, base: 4.00,',
)


def constraint(name: str, refuse: str) -> str:
    """A constraint more."""
    return (
        f"  - {{id: {name}, scope: eye, refuse: '{refuse}', at: sphere, severity: error, code: PLANTED,\n"
        "     says: do otherwise., reason: planted}\n"
    )


POSITIVE, NEGATIVE = "has(eye.sphere) && eye.sphere > D(0.00)", "has(eye.sphere) && eye.sphere <= D(0.00)"
PLANTED = {
    "gap": ({"plans_yaml": GAP}, {(Finding.KIND_GAP, "base-curve")}),
    "overlap": ({"prices_yaml": OVERLAP}, {(Finding.KIND_OVERLAP, "base-price/again")}),
    "unreachable": ({"plans_yaml": UNREACHABLE}, {(Finding.KIND_UNREACHABLE_ROW, "base-curve/strong")}),
    "implied": (
        {"limits_yaml": LIMITS + constraint("stronger", "has(eye.power_low) && eye.power_low < D(-5.00)")},
        {(Finding.KIND_IMPLIED, "stronger")},
    ),
    "always": (
        {"limits_yaml": LIMITS + constraint("everything", "!has(eye.sphere) || eye.sphere < D(31.00)")},
        {(Finding.KIND_ALWAYS_FIRES, "everything")},
    ),
    "never": (
        {"limits_yaml": LIMITS + constraint("nothing", "has(eye.sphere) && eye.sphere > D(31.00)")},
        {(Finding.KIND_NEVER_FIRES, "nothing")},
    ),
    "contradiction": (
        {"limits_yaml": LIMITS + constraint("up", POSITIVE) + constraint("down", NEGATIVE)},
        {(Finding.KIND_CONTRADICTION, "plain")},
    ),
}
"""What is planted in the small lab, and the finding of it."""
WITHOUT_EXAMPLE = {Finding.KIND_NEVER_FIRES}


@pytest.fixture
def said(engineer: Engineer, request: pytest.FixtureRequest) -> Iterator[list[CheckDraftResponse]]:
    """What the check of a draft with one defect says."""
    draft = engineer.draft(files(**PLANTED[request.param][0]))
    yield list(engineer.call("CheckDraft", CheckDraftRequest(name=draft.name, seconds_each=5)))
    engineer.call("DeleteDraft", DeleteDraftRequest(name=draft.name))


@pytest.mark.parametrize(("said", "found"), [(name, found) for name, (_, found) in PLANTED.items()], indirect=["said"])
def test_a_planted_defect_is_found_with_an_order_that_shows_it(
    said: list[CheckDraftResponse], found: set[tuple[int, str]]
) -> None:
    """Told as it is found, and in the report once more."""
    report = said[-1].report
    told = [each.finding for each in said if each.HasField("finding")]

    assert list(report.findings) == told
    planted = [each for each in told if (each.kind, each.where) in found]
    assert len(planted) == len(found), told
    assert all(each.id and each.says for each in told)
    for each in planted:
        if each.kind not in WITHOUT_EXAMPLE:
            assert each.HasField("example"), each
            assert each.example_says


def test_the_example_of_what_the_rules_in_force_refuse_is_refused_by_the_lab(engineer: Engineer) -> None:
    """An example is an order like any other: the lab can be asked about it."""
    draft = engineer.draft(files(limits_yaml=PLANTED["implied"][0]["limits_yaml"]))
    (finding,) = engineer.check(draft).findings

    answer: ValidateJobResponse = engineer.lims.ValidateJob(
        ValidateJobRequest(spec=finding.example), metadata=engineer.token, timeout=10
    )

    assert not answer.accepted
    assert "OUT_OF_RANGE" in {each.code for each in answer.violations}


def test_a_check_says_how_far_it_is(engineer: Engineer) -> None:
    """In numbers that rise to the total."""
    draft = engineer.draft(files())

    said = list(engineer.call("CheckDraft", CheckDraftRequest(name=draft.name)))

    told = [each.progress for each in said if each.HasField("progress")][1:]
    assert [each.done for each in told] == sorted({each.done for each in told})
    assert {each.total for each in told} == {told[-1].done}
    assert not said[-1].report.findings
