"""What can be proved of constraints: that one never objects, or always; that others say it already; that none can pass.

That it is so is proved over every order there can be (`world`); that it is not so is shown by a spec that the engine
has decided. What is neither is unknown. Each function yields what is found of one constraint, or design, after another.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from rules.catalog import Constraint, Severity
from rules.proof.evidence import Evidence
from rules.proof.finding import Finding, Kind
from rules.proof.formulas import Formula, is_solvable
from rules.proof.trials import around
from rules.proof.world import Answer, World
from rules.spec import Spec
from rules.view import OF_PLAN

_NOT_SOLVED = "it multiplies two measures of the order, which is beyond what can be proved; try it on examples."
_TOO_LONG = "it could not be told in time whether {}; give the examination more time, or say it more simply."
_NO_EXAMPLE = "nothing speaks against it, but no example was found by which {}; try it on examples."


def unknown(where: str, what: str, answer: Answer, of: str = "") -> Finding:
    """Returns that something could not be told: for want of time, or of an example that the engine confirms."""
    says = (_TOO_LONG if answer.possible is None else _NO_EXAMPLE).format(what)
    return Finding(Kind.UNKNOWN, where, says, of=of)


_MOST_LENSES = 4
"""Around whose orders the engine is asked what the solver cannot tell, before it is asked of whatever was accepted."""

Question: TypeAlias = tuple[Sequence[Formula], Sequence[Formula], Callable[[Spec], bool]]
"""What is wanted, what is assumed, and what tells whether an order is such: as `World.ask` takes them."""


def seek(world: World, evidence: Evidence, question: Question, is_seen: Callable[[], bool]) -> Answer | None:
    """Returns why something is not shown; None where it is shown by an order, found by whatever means.

    What the solver leaves free, the engine computes. So it is asked around the order that the solver comes up with,
    then of other lenses, at last of whatever was accepted.
    """
    wanted, assumed, shown = question
    answer = world.ask(wanted, assumed, shown)
    near, others = answer.near, list(wanted)
    for _ in range(_MOST_LENSES):
        if near is None or evidence.search(is_seen, around(near, world.catalog)):
            break
        others.append(world.other_lens(near.lens.design, near.lens.material))
        again = world.ask(others, assumed, shown)
        near = again.near
    return None if is_seen() or (answer.possible is not False and evidence.search(is_seen)) else answer


def always(world: World, evidence: Evidence) -> Iterator[tuple[Finding, ...]]:
    """Yields, for each constraint, whether it objects to everything."""
    for design, material in list(world.catalog.made)[:1]:
        answer = world.ask([world.lens(design, material)], [world.available])
        if answer.spec:
            evidence.add(answer.spec)
    for constraint in world.catalog.constraints:
        yield tuple(_always(constraint, world, evidence))


def _always(constraint: Constraint, world: World, evidence: Evidence) -> Iterator[Finding]:
    if not is_solvable(constraint):
        yield Finding(Kind.UNKNOWN, constraint.id, _NOT_SOLVED)
        return
    if evidence.is_silent(constraint) or constraint.scope == OF_PLAN.name:
        return
    answer = world.ask([world.passes(constraint)], [world.available], partial(evidence.passes, constraint.id))
    if answer.possible is False:
        example = world.ask(
            [world.objects(constraint)], [world.available], partial(evidence.objects, constraint.id)
        ).spec
        if example:
            says = "it objects to every lens that can be ordered; say to which it shall not."
            yield Finding(Kind.ALWAYS_FIRES, constraint.id, says, (example,))
    elif not evidence.is_silent(constraint):
        yield unknown(constraint.id, "it lets a lens pass", answer, "passes")


def contradictions(world: World, evidence: Evidence) -> Iterator[tuple[Finding, ...]]:
    """Yields, for each design, in which materials no lens of it passes all constraints."""
    for design in dict.fromkeys(design for design, _ in world.catalog.made):
        yield tuple(_contradictions(design, world, evidence))


def _contradictions(design: str, world: World, evidence: Evidence) -> Iterator[Finding]:
    catalog = world.catalog
    materials = catalog.materials_of(design)
    refused = []
    for material in materials:
        if evidence.accepts(design, material) or evidence.try_near(design, material):
            continue
        answer = world.ask([world.lens(design, material)], world.accepted)
        if answer.spec:
            evidence.add(answer.spec)
        elif answer.possible is None:
            yield unknown(f"{design} in {material}", "a lens of it passes", answer)
        else:
            refused.append(material)
    if len(refused) == len(materials):
        yield _contradiction(design, catalog.designs[design].name, [world.lens(design)], world, evidence)
        return
    for material in refused:
        name = f"{catalog.designs[design].name} in {catalog.materials[material].name}"
        yield _contradiction(f"{design} in {material}", name, [world.lens(design, material)], world, evidence)


def _contradiction(where: str, name: str, wanted: Sequence[Formula], world: World, evidence: Evidence) -> Finding:
    core = _least(wanted, [*world.errors], world, [world.available])
    for each in core:
        others = [world.errors[other] for other in world.errors if other != each]
        example = world.ask(wanted, [world.available, *others], partial(evidence.objects, each)).spec
        if example:
            says = f"no {name} can be ordered: to whatever passes the others, one objects of {', '.join(core)}."
            return Finding(Kind.CONTRADICTION, where, says, (example,))
    return Finding(
        Kind.CONTRADICTION, where, f"no {name} can be ordered, for {', '.join(core) or 'whatever is given'}."
    )


def objections(world: World, evidence: Evidence) -> Iterator[tuple[Finding, ...]]:
    """Yields, for each constraint, whether it never objects, or not by itself."""
    told: dict[str, tuple[str, ...]] = {}
    for constraint in world.catalog.constraints:
        yield tuple(_objections(constraint, world, evidence, told))


def _objections(
    constraint: Constraint, world: World, evidence: Evidence, told: dict[str, tuple[str, ...]]
) -> Iterator[Finding]:
    if not is_solvable(constraint) or evidence.is_alone(constraint):
        return
    others = world.others(constraint)
    assumed = [world.errors[each] for each in others]
    wanted = [world.objects(constraint)]
    shown = partial(evidence.objects, constraint.id, besides=others)
    alone = seek(world, evidence, (wanted, assumed, shown), partial(_is_told, constraint, evidence))
    if alone is None:
        return
    if alone.possible is False:
        yield from _not_alone(constraint, wanted, world, evidence, told)
    else:
        is_error = constraint.severity is Severity.ERROR
        what = "it objects, and no other does" if is_error else "it objects to what no other refuses"
        yield unknown(constraint.id, what, alone, "objects")


def _is_told(constraint: Constraint, evidence: Evidence) -> bool:
    """Tells whether a constraint was seen to object as it is to: by itself; or, to a plan, at all."""
    if constraint.scope == OF_PLAN.name:
        return evidence.objected(constraint) is not None
    return evidence.is_alone(constraint)


def _not_alone(
    constraint: Constraint,
    wanted: Sequence[Formula],
    world: World,
    evidence: Evidence,
    told: dict[str, tuple[str, ...]],
) -> Iterator[Finding]:
    """Yields what is to be said of a constraint that does not object by itself."""
    shown = partial(evidence.objects, constraint.id)
    answer = seek(world, evidence, (wanted, (), shown), lambda: evidence.objected(constraint) is not None)
    example = evidence.objected(constraint)
    if answer is not None and answer.possible is False:
        says = "it never objects: no order is like that; drop it, or look for the slip in it."
        yield Finding(Kind.NEVER_FIRES, constraint.id, says)
    elif answer is not None or example is None:
        yield unknown(constraint.id, "it objects", answer or Answer(possible=True), "objects")
    elif constraint.severity is Severity.ERROR:
        others = told[constraint.id] = _least(wanted, world.others(constraint), world)
        if not any(told.get(each) == (constraint.id,) for each in others):
            says = f"wherever it objects, so does {' or '.join(others)}; one of them is enough."
            yield Finding(Kind.IMPLIED, constraint.id, says, (example,))


def _least(
    wanted: Sequence[Formula], among: Sequence[str], world: World, besides: Sequence[Formula] = ()
) -> tuple[str, ...]:
    """Returns some constraints, none too many, of which one objects wherever all that is wanted holds."""
    core = world.ask(wanted, [*besides, *(world.errors[each] for each in among)]).because
    for each in core:
        if each in core:
            rest = [other for other in core if other != each]
            answer = world.ask(wanted, [*besides, *(world.errors[other] for other in rest)])
            if answer.possible is False:
                core = answer.because
    return core
