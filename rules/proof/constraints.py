"""What can be proved of constraints: that one never objects, or always; that others say it already; that none can pass.

That it is so is proved over every order there can be (`world`); that it is not so is shown by a spec that the engine
has decided. What is neither is unknown.
"""

from collections.abc import Iterator, Sequence

from rules.catalog import Constraint, Severity
from rules.proof.evidence import Evidence
from rules.proof.finding import Finding, Kind
from rules.proof.formulas import Formula
from rules.proof.world import Answer, World, is_solvable
from rules.view import OF_PLAN

_NOT_SOLVED = "it multiplies two measures of the order, which is beyond what can be proved; try it on examples."
_TOO_LONG = "it could not be told in time whether {}; give the examination more time, or say it more simply."
_NO_EXAMPLE = "nothing speaks against it, but no example was found by which {}; try it on examples."


def unknown(where: str, what: str, answer: Answer) -> Finding:
    """Returns that something could not be told: for want of time, or of an example that the engine confirms."""
    return Finding(Kind.UNKNOWN, where, (_TOO_LONG if answer.possible is None else _NO_EXAMPLE).format(what))


def always(world: World, evidence: Evidence) -> Iterator[Finding]:
    """Yields the constraints that object to everything."""
    for design, material in list(world.catalog.made)[:1]:
        answer = world.ask([world.lens(design, material)], [world.available])
        if answer.spec:
            evidence.add(answer.spec)
    for constraint in world.catalog.constraints:
        if not is_solvable(constraint):
            yield Finding(Kind.UNKNOWN, constraint.id, _NOT_SOLVED)
            continue
        if evidence.is_silent(constraint) or constraint.scope == OF_PLAN.name:
            continue
        answer = world.ask([world.passes(constraint)], [world.available])
        if answer.spec:
            evidence.add(answer.spec)
        if answer.possible is False:
            example = world.ask([world.objects(constraint)], [world.available]).spec
            if example and evidence.objects(constraint.id, example):
                says = "it objects to every lens that can be ordered; say to which it shall not."
                yield Finding(Kind.ALWAYS_FIRES, constraint.id, says, example)
        elif not evidence.is_silent(constraint):
            yield unknown(constraint.id, "it lets a lens pass", answer)


def contradictions(world: World, evidence: Evidence) -> Iterator[Finding]:
    """Yields the designs, and the materials of a design, in which no lens passes all constraints."""
    catalog = world.catalog
    for design in dict.fromkeys(design for design, _ in catalog.made):
        materials = catalog.materials_of(design)
        refused: list[tuple[str, Answer]] = []
        for material in materials:
            answer = world.ask([world.lens(design, material)], world.accepted)
            if answer.spec:
                evidence.add(answer.spec)
            elif answer.possible is None:
                yield unknown(f"{design} in {material}", "a lens of it passes", answer)
            else:
                refused.append((material, answer))
        if len(refused) == len(materials):
            name = catalog.designs[design].name
            yield _contradiction(design, name, [world.lens(design)], world, evidence)
            continue
        for material, _ in refused:
            name = f"{catalog.designs[design].name} in {catalog.materials[material].name}"
            yield _contradiction(f"{design} in {material}", name, [world.lens(design, material)], world, evidence)


def _contradiction(where: str, name: str, wanted: Sequence[Formula], world: World, evidence: Evidence) -> Finding:
    core = _least(wanted, [*world.errors], world, [world.available])
    for each in core:
        others = [world.errors[other] for other in world.errors if other != each]
        example = world.ask(wanted, [world.available, *others]).spec
        if example and evidence.objects(each, example):
            says = f"no {name} can be ordered: to whatever passes the others, one objects of {', '.join(core)}."
            return Finding(Kind.CONTRADICTION, where, says, example)
    return Finding(
        Kind.CONTRADICTION, where, f"no {name} can be ordered, for {', '.join(core) or 'whatever is given'}."
    )


def objections(world: World, evidence: Evidence) -> Iterator[Finding]:
    """Yields the constraints that never object, and those of the errors that never object by themselves."""
    told: dict[str, tuple[str, ...]] = {}
    for constraint in world.catalog.constraints:
        if not is_solvable(constraint):
            continue
        is_error = constraint.severity is Severity.ERROR
        wanted, others = [world.objects(constraint)], world.others(constraint)
        alone = world.ask(wanted, [world.errors[each] for each in others])
        if alone.possible is False:
            yield from _not_alone(constraint, wanted, world, evidence, told)
        elif constraint.scope == OF_PLAN.name:
            if not _is_seen(constraint, wanted, alone, world, evidence):
                yield unknown(constraint.id, "it objects", alone)
        elif not (alone.spec and evidence.objects(constraint.id, alone.spec, besides=others)):
            what = "it objects, and no other does" if is_error else "it objects to what no other refuses"
            yield unknown(constraint.id, what, alone)


def _is_seen(
    constraint: Constraint,
    wanted: Sequence[Formula],
    answer: Answer,
    world: World,
    evidence: Evidence,
) -> bool:
    """Tells whether the engine confirms a spec to whose plan a constraint objects."""
    if answer.spec:
        evidence.add(answer.spec)
    for probe in world.probes() if answer.possible else ():
        if evidence.has_objected(constraint):
            break
        spec = world.ask([*wanted, probe], [world.available]).spec
        if spec:
            evidence.add(spec)
    return evidence.has_objected(constraint)


def _not_alone(
    constraint: Constraint,
    wanted: Sequence[Formula],
    world: World,
    evidence: Evidence,
    told: dict[str, tuple[str, ...]],
) -> Iterator[Finding]:
    """Yields what is to be said of a constraint that does not object by itself."""
    answer = world.ask(wanted)
    if answer.possible is False:
        says = "it never objects: no order is like that; drop it, or look for the slip in it."
        yield Finding(Kind.NEVER_FIRES, constraint.id, says)
    elif answer.spec is None or not evidence.objects(constraint.id, answer.spec):
        yield unknown(constraint.id, "it objects", answer)
    elif constraint.severity is Severity.ERROR:
        others = told[constraint.id] = _least(wanted, world.others(constraint), world)
        if not any(told.get(each) == (constraint.id,) for each in others):
            says = f"wherever it objects, so does {' or '.join(others)}; one of them is enough."
            yield Finding(Kind.IMPLIED, constraint.id, says, answer.spec)


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
