"""What the solver holds to be possible: every order there is, whatever its facts; else a proof would prove nothing."""

from collections.abc import Iterator

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.catalog import Catalog
from rules.expression.view import Field, Kind
from rules.facts import take
from rules.plan import plan
from rules.proof.formulas import Formula
from rules.proof.world import World, _oval
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Spec, Traces
from rules.view import OF_PAIR, SIDE_NAMES, SUBJECTS


def _maybe(low: int, high: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(low, high)


wild_eyes = st.builds(
    Eye,
    sphere=_maybe(-30_00, 31_00),  # beyond its bounds as well
    cylinder=_maybe(-15_00, 15_00),
    axis=_maybe(0, 180),
    add=_maybe(0, 6_00),
    prism_horizontal=_maybe(-20_00, 20_00),
    prism_vertical=_maybe(-20_00, 20_00),
    distance_pd=_maybe(15_00, 50_00),
    near_pd=_maybe(15_00, 50_00),
    fitting_height=_maybe(0, 70_00),
)
wild_frames = st.builds(
    Frame,
    a=_maybe(20_00, 90_00),
    b=_maybe(10_00, 90_00),
    dbl=_maybe(5_00, 40_00),
    ed=_maybe(20_00, 110_00),
    wrap=_maybe(-5_00, 45_00),
    material=st.sampled_from(FrameMaterial),
    edge_type=st.sampled_from(EdgeType),
    traces=st.builds(Traces, right=st.none() | st.builds(_oval, st.integers(25_00, 70_00), st.integers(25_00, 70_00))),
)
wild_lenses = st.builds(
    Lens,
    design=st.sampled_from(("", "pal", "plain", "ft", "stock", "unheard-of")),
    material=st.sampled_from(("", "cr39", "mr10", "glass")),
    colour=st.sampled_from(("", "clear", "grey", "photo")),
    coatings=st.lists(st.sampled_from(("hc", "ar", "top"))).map(tuple),
    options=st.lists(st.sampled_from(("prism-thinning", "polish", "dip"))).map(tuple),
)
wild = st.builds(Spec, st.sampled_from(Eyes), wild_eyes, wild_eyes, wild_frames, wild_lenses, st.just("A-1"))

tame_eyes = st.builds(
    Eye,
    sphere=st.integers(-4_00, -50) | st.integers(-6_00, 4_00),
    cylinder=_maybe(-2_00, 0),
    axis=st.just(90),
    add=st.sampled_from((None, None, 1_50, 2_00)),
    prism_horizontal=st.sampled_from((None, None, None, 0, 1_00)),
    distance_pd=_maybe(28_00, 33_00),
    fitting_height=_maybe(17_00, 22_00),
)
tame = st.builds(
    Spec,
    st.sampled_from((Eyes.BOTH, Eyes.RIGHT)),
    tame_eyes,
    tame_eyes,
    st.builds(Frame, a=st.integers(44_00, 52_00), b=st.integers(28_00, 36_00), dbl=st.just(18_00)),
    st.builds(
        Lens, st.sampled_from(("pal", "plain", "ft", "stock")), st.sampled_from(("cr39", "cr39", "mr10", "glass"))
    ),
)


@pytest.fixture(scope="module")
def world(lab: Catalog) -> World:
    """Every order there can be of the lab, and nothing of what is usual."""
    made = World(lab, 10.0)
    made._usual.clear()
    return made


def _pinned(world: World, noun: str, facts: object, of: str = "") -> Iterator[Formula]:
    """Yields that the variables of a noun have the values of its facts."""
    for term in SUBJECTS[of or noun].terms.values():
        value = getattr(facts, term.field.name)
        path = f"{noun}.{term.field.name}"
        if term.field.optional:
            yield world.variables.has(path, term.field) == world.variables.true(value=value is not None)
        if value is not None:
            yield from _valued(world, path, term.field, value)


def _valued(world: World, path: str, field: Field, value: object) -> Iterator[Formula]:
    variables = world.variables
    match field.kind:
        case Kind.INT:
            yield variables.read(path, field) == value
        case Kind.BOOL:
            yield variables.truth(path) == variables.true(value=bool(value))
        case Kind.TEXT:
            yield variables.is_text(path, field, str(value))
        case Kind.TEXTS:
            assert isinstance(value, tuple)
            yield from (
                variables.member(path, field, each) == variables.true(value=each in value)
                for each in variables.words(field)
            )
            yield variables.size(path, field) == z3.IntVal(len(value), variables.context)


@settings(max_examples=150, deadline=None)
@given(spec=wild)
def test_every_order_is_among_those_the_solver_knows(world: World, spec: Spec) -> None:
    """With all that follows from it: roots, blanks and traces too."""
    case = take(world.catalog, spec, {})
    names = [noun.name for noun in OF_PAIR.nouns]
    pinned = [each for name, facts in zip(names, case.of_pair, strict=True) for each in _pinned(world, name, facts)]

    assert world.ask(pinned).possible
    # what is learnt of one has to hold of all that come after it
    world._solver.add(*world._learnt(spec))


@settings(max_examples=80, deadline=None)
@given(spec=tame)
def test_every_plan_is_among_those_the_solver_knows(world: World, spec: Spec) -> None:
    """Of what is available, on the blank that the engine took."""
    case = take(world.catalog, spec, {})
    names = [noun.name for noun in OF_PAIR.nouns]
    pinned = [each for name, facts in zip(names, case.of_pair, strict=True) for each in _pinned(world, name, facts)]
    plans = plan(case, []).facts
    for side, facts in plans.items():
        pinned += _pinned(world, f"{SIDE_NAMES[side]} plan", facts, "plan")

    assert world.ask(pinned, [world.available] if plans else []).possible
