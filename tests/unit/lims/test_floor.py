"""What happens to a job on the floor: its lenses go, wait, break, pass and meet again."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chassis.errors import MeshError
from optics.eyes import Side
from services.lims.errors import (
    BreakageNotReversible,
    BreakageReasonUnknown,
    InspectionMissing,
    JobAway,
    JobState,
    LensNotInJob,
    NotAtStation,
    NotScannedIn,
    OutOfStock,
    WrongBlank,
    WrongStation,
)
from services.lims.floor import model, stock
from services.lims.floor.model import Breakage, Step
from services.lims.floor.stock import Kind, Stock
from services.lims.model import BlankState, Job, Judgement, LensProgress, State
from tests.unit.lims.floor_job import FLOOR, NOON, PEELING, REASONS, ROUTE, SCRATCH, job, lens

BOTH = (Side.RIGHT, Side.LEFT)
KEPT = ("sf-R", "sf-L")


def at(station: str, begun: Job | None = None) -> Job:
    """A job that went as far as a station, its lenses perfect."""
    on_its_way = begun or job()
    while on_its_way.next_station in ROUTE[: ROUTE.index(station) + 1]:
        on_its_way = model.arrive(on_its_way, on_its_way.next_station, FLOOR, KEPT, NOON).job
        if FLOOR[on_its_way.station].inspects and station != on_its_way.station:
            on_its_way = passing(on_its_way)
    return on_its_way


def passing(inspected: Job) -> Job:
    """The job with whatever waits for it inspected, and passed."""
    due = [each.side for each in inspected.lenses if each.judgement in (Judgement.DUE, Judgement.FAILED)]
    return model.inspected(inspected, dict.fromkeys(due, True), "").job if due else inspected


def broken(of: Job, *sides: Side, number: int = 1) -> tuple[Step, tuple[Breakage, ...]]:
    """The job after lenses were scratched."""
    return model.broken(of, sides, SCRATCH, list(FLOOR), note="", number=number)


def of(job_: Job, side: Side) -> LensProgress:
    """A lens of a job."""
    return model.lens_of(job_, side)


# ── stations ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_goes_to_the_earliest_station_that_a_lens_of_it_needs() -> None:
    """A finished lens waits in the tray while its neighbour is ground."""
    ready = lens(Side.LEFT, ("picking", "edging", "inspection", "shipping"))
    pair = at("picking", job(lens(), ready))
    ground = model.arrive(pair, "surfacing", FLOOR, KEPT, NOON).job

    assert (of(ground, Side.RIGHT).passed, of(ground, Side.LEFT).passed) == (1, 0)
    assert at("edging", ground).lenses[0].passed == at("edging", ground).lenses[1].passed == 3


def test_a_route_of_one_station_ships_at_the_first_scan() -> None:
    """The last station ships, also when it is the first."""
    alone = job(lens(route=("shipping",)), route=("shipping",))
    assert model.arrive(alone, "shipping", FLOOR, (), NOON).job.state is State.SHIPPED


def test_a_job_that_left_the_lab_is_at_no_station_any_more() -> None:
    """It is where it shipped, for the record, and nobody works on it."""
    shipped = at("shipping")
    assert (shipped.state, shipped.next_station, shipped.arrive_time) == (State.SHIPPED, "", None)


def test_work_that_is_done_is_said_once() -> None:
    """A second scan out changes nothing; the job stands there until it arrives elsewhere."""
    done = model.leave(at("surfacing"), "surfacing").job
    assert (done.station, done.arrive_time, done.state) == ("surfacing", None, State.IN_PRODUCTION)
    assert model.leave(done, "surfacing").job is done


@pytest.mark.parametrize(("begun", "told"), [(job(), ""), (at("surfacing"), "surfacing")])
def test_a_job_is_not_scanned_out_where_it_is_not(begun: Job, told: str) -> None:
    """The refusal says where it is."""
    moving = replace(begun, state=State.IN_PRODUCTION)
    with pytest.raises(NotScannedIn) as raised:
        model.leave(moving, "edging")
    assert raised.value.metadata["expected"] == told


@pytest.mark.parametrize(
    "happening",
    [
        lambda away: model.arrive(away, "surfacing", FLOOR, (), NOON),
        lambda away: model.leave(away, "picking"),
        lambda away: model.pick(away, ["sf-R"], FLOOR, {}),
        lambda away: model.to_inspect(away, [Side.RIGHT], FLOOR),
        model.may_break,
        lambda away: model.held(away, "the frame has not come"),
        lambda away: model.outsourced(away, "Another", "coating"),
    ],
)
def test_nothing_is_done_here_to_a_job_that_is_elsewhere(happening: Callable[[Job], object]) -> None:
    """It has to be received back first; the refusal names who has it."""
    with pytest.raises(JobAway, match="Tinting Ltd"):
        happening(model.outsourced(at("picking"), "Tinting Ltd.", "coating").job)


# ── inspections ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("leaves", [lambda due: model.leave(due, "inspection"), lambda due: arrives(due, "shipping")])
def test_a_lens_that_was_not_inspected_or_failed_goes_nowhere(leaves: Callable[[Job], Step]) -> None:
    """Neither out of the station nor into the next; the refusal names the lenses."""
    due = at("inspection")
    with pytest.raises(InspectionMissing, match="the right lens and the left lens have"):
        leaves(due)
    failed = model.inspected(due, {Side.RIGHT: True, Side.LEFT: False}, "").job
    with pytest.raises(InspectionMissing, match="from inspection: the left lens has"):
        leaves(failed)
    assert leaves(passing(failed)).job.sequence == failed.sequence + 2


def arrives(begun: Job, station: str) -> Step:
    """The step of a job that is scanned in."""
    return model.arrive(begun, station, FLOOR, KEPT, NOON)


def test_a_lens_is_inspected_where_it_is() -> None:
    """Not before it is there, and no lens that the job does not have."""
    with pytest.raises(NotAtStation, match="at edging"):
        model.to_inspect(at("edging"), [Side.RIGHT], FLOOR)
    with pytest.raises(LensNotInJob, match="has no left lens; it has the right lens"):
        model.to_inspect(at("inspection", job(lens())), [Side.LEFT], FLOOR)
    assert [each.side for each in model.to_inspect(at("inspection"), BOTH, FLOOR)] == list(BOTH)


def test_a_lens_that_waits_while_the_other_is_made_again_has_passed_for_good() -> None:
    """Until it breaks itself, or goes on to another station that inspects."""
    half = model.inspected(at("inspection"), {Side.RIGHT: False, Side.LEFT: True}, "").job
    again = at("inspection", broken(half, Side.RIGHT)[0].job)

    assert (of(again, Side.RIGHT).judgement, of(again, Side.LEFT).judgement) == (Judgement.DUE, Judgement.PASSED)
    assert arrives(passing(again), "shipping").job.state is State.SHIPPED


def test_a_lens_that_was_not_inspected_yet_waits_for_it_while_the_other_is_made_again() -> None:
    """It may travel in the tray, and cannot go past the inspection."""
    with_broken = broken(at("inspection"), Side.RIGHT)[0].job
    back = at("inspection", arrives(with_broken, "picking").job)
    assert {each.judgement for each in back.lenses} == {Judgement.DUE}
    with pytest.raises(InspectionMissing, match="the right lens and the left lens"):
        arrives(back, "shipping")


# ── breakages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_broken_lens_begins_anew_and_meets_the_other_where_that_waits() -> None:
    """The pair goes back with one lens in work; the other is where it was."""
    step, (breakage,) = broken(at("edging"), Side.LEFT)
    back = step.job
    assert (back.next_station, of(back, Side.LEFT).attempt, of(back, Side.RIGHT).attempt) == ("picking", 2, 1)
    assert (back.station, back.customer_status) == ("edging", "Edging")
    assert breakage.name == "jobs/100001/breakages/1"

    ground = at("surfacing", back)
    assert (of(ground, Side.LEFT).passed, of(ground, Side.RIGHT).passed) == (1, 3)
    assert [each.passed for each in at("inspection", ground).lenses] == [4, 4]


def test_a_lens_that_is_worked_on_again_keeps_its_blank_and_its_attempt() -> None:
    """A coating that peels is put on again."""
    step, _ = model.broken(at("inspection"), [Side.RIGHT], PEELING, list(FLOOR), note="", number=1)
    right = of(step.job, Side.RIGHT)
    assert (step.job.next_station, right.attempt, right.blank_state) == ("coating", 1, BlankState.CONSUMED)
    assert step.movements == ()


def test_a_lens_that_breaks_where_it_starts_again_is_scanned_in_there_once_more() -> None:
    """The same station is next, so this scan is no repeat; the one after it is."""
    back, _ = model.broken(at("edging"), BOTH, replace(PEELING, returns_to="edging"), list(FLOOR), note="", number=1)
    assert back.job.next_station == back.job.station == "edging"
    once = arrives(back.job, "edging").job
    assert once.sequence == back.job.sequence + 1
    assert arrives(once, "edging").job is once


def test_a_breakage_never_takes_a_lens_forward() -> None:
    """Whatever a reason says about where it starts again."""
    step, _ = model.broken(
        at("surfacing"), [Side.RIGHT], replace(PEELING, returns_to="inspection"), list(FLOOR), note="", number=1
    )
    assert of(step.job, Side.RIGHT).passed == of(at("surfacing"), Side.RIGHT).passed


def test_a_station_that_a_job_does_not_pass_is_found_by_the_order_of_the_floor() -> None:
    """An uncoated lens whose reason says coating starts again at the station behind it."""
    short = tuple(each for each in ROUTE if each != "coating")
    step, _ = model.broken(
        at("inspection", job(lens(route=short), route=short)), [Side.RIGHT], PEELING, list(FLOOR), note="", number=1
    )
    assert step.job.next_station == "edging"


def test_a_reason_is_one_of_the_list_and_of_the_station() -> None:
    """The refusal names those that are."""
    assert model.reason_of(REASONS, "peeling", at("edging")) is PEELING
    for reason, station in (("peeling", "surfacing"), ("bad-luck", "edging")):
        with pytest.raises(BreakageReasonUnknown) as raised:
            model.reason_of(REASONS, reason, at(station))
        assert "scratch" in raised.value.metadata["reasons"]
        assert ("peeling" in raised.value.metadata["reasons"]) == (station == "edging")


@pytest.mark.parametrize("state", [State.RECEIVED, State.ON_HOLD, State.SHIPPED, State.CANCELLED])
def test_what_is_not_being_made_does_not_break(state: State) -> None:
    """Nothing was begun, nothing is moved, nothing is here."""
    with pytest.raises(JobState):
        model.may_break(replace(at("picking"), state=state))


def test_a_breakage_is_taken_back_to_the_last_detail() -> None:
    """Two events further on, and otherwise as it was."""
    before = model.pick(at("picking"), ["sf-R"], FLOOR, {}).job
    step, (breakage,) = broken(before, Side.RIGHT)
    back = model.mended(step.job, breakage, ())
    assert replace(back.job, sequence=before.sequence) == before
    assert [
        stock.moved(stock.moved(Stock("sf-R", 4, 2), one), two).on_hand
        for one, two in zip(step.movements, back.movements, strict=True)
    ] == [4]
    taken_back = replace(breakage, reverse_time=NOON)
    assert model.mended(back.job, taken_back, ()).job is back.job


def test_a_breakage_stands_once_the_lens_was_begun_anew_or_broke_again() -> None:
    """The other lens may go on meanwhile."""
    step, (first,) = broken(at("edging"), Side.RIGHT)
    with pytest.raises(BreakageNotReversible):
        model.mended(arrives(step.job, "picking").job, first, ())
    twice, (second,) = broken(step.job, Side.RIGHT, number=2)
    with pytest.raises(BreakageNotReversible):
        model.mended(twice.job, first, [second])
    other, (left,) = broken(step.job, Side.LEFT, number=2)
    assert of(model.mended(other.job, first, [left]).job, Side.RIGHT) == first.before


# ── blanks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blanks_are_set_aside_where_they_are_picked_and_taken_when_the_job_goes_on() -> None:
    """Of those that are kept; one that is not holds nothing up."""
    picked = model.arrive(job(), "picking", FLOOR, ["sf-R"], NOON)
    assert [(each.kind, each.blank, each.side) for each in picked.movements] == [(Kind.RESERVED, "sf-R", Side.RIGHT)]
    gone = arrives(picked.job, "surfacing")
    assert [(each.kind, each.blank) for each in gone.movements] == [(Kind.CONSUMED, "sf-R")]
    assert [each.blank_state for each in gone.job.lenses] == [BlankState.CONSUMED, BlankState.NONE]


def test_the_last_blank_is_had_once() -> None:
    """A pair of one blank needs two of it."""
    twins = job(replace(lens(), blank="sf"), replace(lens(Side.LEFT), blank="sf"))
    step = model.arrive(twins, "picking", FLOOR, ["sf"], NOON)
    after = stock.moved(Stock("sf", on_hand=1), step.movements[0])
    with pytest.raises(OutOfStock, match="no sf is available"):
        stock.moved(after, step.movements[1])


def test_codes_confirm_the_lenses_they_are_of_however_often() -> None:
    """One code is one blank; a third of two is one too many, and a stranger is told what is wanted."""
    twins = at("picking", job(replace(lens(), blank="sf"), replace(lens(Side.LEFT), blank="sf")))
    once = model.pick(twins, ["sf"], FLOOR, {}).job
    assert [each.picked for each in once.lenses] == [True, False]
    assert model.pick(once, ["sf"], FLOOR, {}).job is once
    assert all(each.picked for each in model.pick(once, ["sf", "sf"], FLOOR, {}).job.lenses)
    with pytest.raises(WrongBlank, match="none of the 2 blanks of jobs/100001 here, or one too many; take sf-R and"):
        model.pick(at("picking"), ["sf-cr39-400-70"], FLOOR, {})
    with pytest.raises(NotAtStation, match="at surfacing"):
        model.pick(at("surfacing"), ["sf-R"], FLOOR, {})


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda begun: model.cancelled(model.held(begun, "?").job), Kind.RELEASED),
        (lambda begun: model.outsourced(begun, "Tinting Ltd.", "coating"), Kind.CONSUMED),
        (lambda begun: broken(begun, *BOTH)[0], Kind.BROKEN),
    ],
)
def test_what_was_set_aside_is_freed_taken_or_broken(end: Callable[[Job], Step], kind: Kind) -> None:
    """However a job ends at the stock room, nothing of its blanks stays reserved."""
    step = end(at("picking"))
    assert [(each.kind, each.reserved_change) for each in step.movements] == [(kind, -1)] * 2
    assert BlankState.RESERVED not in {each.blank_state for each in step.job.lenses}


# ── stopped and away ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_goes_on_where_it_was_stopped() -> None:
    """The customer is told that it stands still, then again where it stands."""
    begun = at("coating")
    stopped = model.held(begun, "the frame has not come").job
    assert (stopped.state, stopped.customer_status, stopped.station) == (State.ON_HOLD, "On hold", "coating")
    assert model.held(stopped, "the frame has not come").job is stopped
    assert model.held(stopped, "it is the wrong one").job.hold_reason == "it is the wrong one"
    released = model.released(stopped, FLOOR).job
    assert replace(released, sequence=begun.sequence) == begun
    assert model.released(released, FLOOR).job is released


def test_a_job_that_was_stopped_before_it_was_begun_is_received_again() -> None:
    """And may be cancelled, as one that is stopped may in any case."""
    stopped = model.held(job(), "credit").job
    assert model.released(stopped, FLOOR).job.state is State.RECEIVED
    assert model.cancelled(stopped).job.state is State.CANCELLED
    assert model.cancelled(model.held(at("edging"), "given up").job).job.customer_status == "Cancelled"


def test_a_job_comes_back_from_a_partner_behind_the_partners_work() -> None:
    """What was done there need not be done here."""
    away = model.outsourced(at("picking"), "Tinting Ltd.", "coating").job
    assert (away.customer_status, away.arrive_time) == ("Preparing", None)
    assert model.outsourced(away, "Tinting Ltd.", "coating").job is away
    back = model.returned(away, FLOOR).job
    assert (back.station, back.next_station, back.customer_status, back.partner) == ("coating", "edging", "Coating", "")
    assert model.returned(back, FLOOR).job is back


def test_a_partner_does_neither_the_inspection_nor_the_shipping() -> None:
    """Nor what is done already."""
    assert model.until_which(at("surfacing"), FLOOR) == ("coating", "edging")
    assert model.until_which(at("inspection"), FLOOR) == ()


# ── whatever happens ──────────────────────────────────────────────────────────────────────────────────────────────────


class Day(RuleBasedStateMachine):
    """A job and the stock room, on a day on which everything happens in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.job = replace(job(), promise_time=NOON)
        self.shelf = {blank: Stock(blank) for blank in KEPT}
        self.ledger: list[stock.Movement] = []
        self.breakages: list[Breakage] = []

    def do(self, happening: Callable[[], Step]) -> bool:
        """Does something, wholly or not at all; tells which."""
        before, shelf = self.job, dict(self.shelf)
        try:
            step = happening()
            for movement in step.movements:
                shelf[movement.blank] = stock.moved(shelf[movement.blank], movement)
        except MeshError:
            return False
        self.job, self.shelf = step.job, shelf
        self.ledger += step.movements
        if step.job is before:
            assert step.movements == ()
            return False
        assert step.job.sequence == before.sequence + 1
        return True

    @rule(station=st.sampled_from(ROUTE), right=st.booleans())
    def scan(self, station: str, right: bool) -> None:  # noqa: FBT001 -- drawn
        """At the right station mostly."""
        before, there = self.job, (self.job.next_station or station) if right else station
        if self.do(lambda: model.arrive(self.job, there, FLOOR, KEPT, NOON)):
            assert there == before.next_station
            for old, new in zip(before.lenses, self.job.lenses, strict=True):
                assert new.passed in (old.passed, ROUTE.index(there))
                assert new.passed >= old.passed

    @rule(station=st.sampled_from(ROUTE))
    def scan_out(self, station: str) -> None:
        """Where it is, or not."""
        self.do(lambda: model.leave(self.job, station))

    @rule(codes=st.lists(st.sampled_from([*KEPT, "sf-wrong"]), min_size=1, max_size=2))
    def pick(self, codes: list[str]) -> None:
        """The right box, or not."""
        self.do(lambda: model.pick(self.job, codes, FLOOR, {}))

    @rule(sides=st.lists(st.sampled_from(BOTH), min_size=1, max_size=2, unique=True), good=st.booleans())
    def inspect(self, sides: list[Side], good: bool) -> None:  # noqa: FBT001 -- drawn
        """Lenses pass or fail."""

        def inspected() -> Step:
            model.to_inspect(self.job, sides, FLOOR)
            return model.inspected(self.job, dict.fromkeys(sides, good), "")

        self.do(inspected)

    @rule(
        sides=st.lists(st.sampled_from(BOTH), min_size=1, max_size=2, unique=True),
        reason=st.sampled_from(list(REASONS)),
    )
    def break_lenses(self, sides: list[Side], reason: str) -> None:
        """Something falls."""
        made: list[Breakage] = []

        def breaks() -> Step:
            model.may_break(self.job)
            why = model.reason_of(REASONS, reason, self.job)
            step, breakages = model.broken(self.job, sides, why, list(FLOOR), note="", number=len(self.breakages) + 1)
            made.extend(breakages)
            return step

        before = self.job
        if self.do(breaks):
            self.breakages += made
            for old, new in zip(before.lenses, self.job.lenses, strict=True):
                assert new.passed <= old.passed

    @precondition(lambda self: self.breakages)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        """Nothing was broken after all."""
        index = data.draw(st.integers(0, len(self.breakages) - 1))
        breakage = self.breakages[index]
        if self.do(lambda: model.mended(self.job, breakage, self.breakages[index + 1 :])):
            self.breakages[index] = replace(breakage, reverse_time=NOON)
            assert of(self.job, breakage.before.side or Side.RIGHT) == breakage.before

    @rule()
    def hold(self) -> None:
        """Somebody has to be asked."""
        self.do(lambda: model.held(self.job, "credit"))

    @rule()
    def release(self) -> None:
        """Somebody answered."""
        self.do(lambda: model.released(self.job, FLOOR))

    @rule(until=st.sampled_from(ROUTE))
    def outsource(self, until: str) -> None:
        """The machine is down."""
        if until in model.until_which(self.job, FLOOR):
            self.do(lambda: model.outsourced(self.job, "Tinting Ltd.", until))

    @rule()
    def receive_back(self) -> None:
        """The van comes."""
        self.do(lambda: model.returned(self.job, FLOOR))

    @precondition(lambda self: self.job.sequence > 20)
    @rule()
    def cancel(self) -> None:
        """Late in the day, or every day would end early."""
        self.do(lambda: model.cancelled(self.job))

    @rule(blank=st.sampled_from(KEPT), quantity=st.integers(1, 3))
    def receive_blanks(self, blank: str, quantity: int) -> None:
        """A delivery."""
        movement = stock.received(blank, quantity)
        self.shelf[blank] = stock.moved(self.shelf[blank], movement)
        self.ledger.append(movement)

    @rule(blank=st.sampled_from(KEPT), on_hand=st.integers(0, 4))
    def count(self, blank: str, on_hand: int) -> None:
        """A count, which may find less than the trays hold, and is not believed then."""
        try:
            movement = stock.counted(self.shelf[blank], on_hand)
        except MeshError:
            assert on_hand < self.shelf[blank].reserved
            return
        self.shelf[blank] = stock.moved(self.shelf[blank], movement)
        assert self.shelf[blank].on_hand == on_hand
        self.ledger.append(movement)

    @invariant()
    def the_stock_is_the_sum_of_its_movements(self) -> None:
        """And never below nothing."""
        for blank, kept in self.shelf.items():
            of_it = [each for each in self.ledger if each.blank == blank]
            assert kept.on_hand == sum(each.on_hand_change for each in of_it)
            assert kept.reserved == sum(each.reserved_change for each in of_it)
            assert 0 <= kept.reserved <= kept.on_hand

    @invariant()
    def what_is_set_aside_is_what_the_lenses_wait_for(self) -> None:
        """No blank is forgotten on the shelf."""
        for blank, kept in self.shelf.items():
            waiting = [each for each in self.job.lenses if each.blank == blank]
            assert kept.reserved == sum(each.blank_state is BlankState.RESERVED for each in waiting)

    @invariant()
    def the_job_is_whole(self) -> None:
        """Promised once; on hold with a reason; shipped behind its route; where it says it is."""
        assert self.job.promise_time == NOON
        assert (self.job.state is State.ON_HOLD) == bool(self.job.hold_reason)
        assert bool(self.job.partner) == bool(self.job.partner_until)
        assert self.job.customer_status in {
            "Received",
            "On hold",
            "Cancelled",
            *(station.description for station in FLOOR.values()),
        }
        if self.job.state is State.SHIPPED:
            assert all(each.passed == len(ROUTE) - 1 for each in self.job.lenses)
            assert all(each.judgement is not Judgement.FAILED for each in self.job.lenses)
        for each in self.job.lenses:
            assert each.attempt >= 1
            assert each.blank_state is not BlankState.RESERVED or ROUTE[each.passed] == "picking"

    def teardown(self) -> None:
        """Whatever the day was like, a job that was not given up can be finished."""
        if self.job.state is State.CANCELLED:
            return
        for blank in KEPT:
            self.receive_blanks(blank, 3)
        for finish in (lambda: model.returned(self.job, FLOOR), lambda: model.released(self.job, FLOOR)):
            self.do(finish)
        while self.job.state is not State.SHIPPED:
            self.job = passing(self.job)
            station = self.job.next_station
            assert self.do(lambda station=station: model.arrive(self.job, station, FLOOR, KEPT, NOON))  # type: ignore[misc]


TestDay = Day.TestCase
TestDay.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


def test_a_wrong_station_is_named_with_the_right_one() -> None:
    """Behind a breakage, that is one it has been at."""
    back = broken(at("edging"), Side.RIGHT)[0].job
    with pytest.raises(WrongStation) as raised:
        arrives(back, "inspection")
    assert raised.value.metadata["expected"] == "picking"
