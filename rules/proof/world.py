"""Every order there can be under a catalog, as a solver holds it: the facts, how they hang together, what is objected.

What follows from an order's own numbers is tied to them as `facts` computes it, where that is linear: power, spherical
equivalent, inset, clearance, decentration by axis, difference between the eyes, ED less the box. A root (prism,
decentration, diagonal) is kept between bounds it cannot leave, the smallest blank of a traced shape and everything of a
plan but its blank are left free. So there is every order that there is, and some more: what is impossible here is
impossible, and what is possible is looked at again by the engine. Where that sees it otherwise, it is learnt what
the roots are there, and thereby what they are at most, and at least, wherever their parts are smaller, or larger.

A question is put together with what is *usual*: a pair, a frame of 50 by 36, powers near -1.00. Of that the solver
gives up what stands in the way, and no more, so that an example is one that an optician might have sent.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, cos, hypot, pi, sin

import z3  # type: ignore[import-untyped]

from rules.catalog import Blank, Catalog, Constraint, Severity
from rules.expression.tree import Text, walk
from rules.expression.view import Field, Kind
from rules.facts import take
from rules.plan import MINIMUM_THICKNESS, PRISM_THINNING, SURFACING
from rules.price import PRICE_LIST
from rules.proof.formulas import (
    Formula,
    Names,
    Variables,
    absolute,
    condition,
    formula,
    greatest,
    halved,
    is_solvable,
    least,
)
from rules.proof.tables import OTHER, values_of
from rules.spec import EdgeType, Eye, Eyes, Frame, FrameMaterial, Lens, Radii, Spec, Traces
from rules.tables import Charge, OneOf, Row, Table
from rules.view import COATINGS, OF_PAIR, OF_PLAN, OPTIONS, SIDE_NAMES, SUBJECTS, EyeFacts, FrameFacts, Term

_POINTS = 120
"""Of a traced shape that is made up."""

_USUAL_BOX = {"a": 50_00, "b": 36_00}
_USUAL_SPHERE, _USUAL_SPHERES, _USUAL_CYLINDER, _USUAL_ADDS = -1_00, (-4_00, 4_00), -75, (2_00, 1_00)

_ROUNDING = 2
"""How far what was rounded on the way may lie from what was not, in 1/100."""

_SAMPLED = 50
"""How far a shape that is computed over points may stay within its box, in 1/100 mm."""

_ORDERED_EYE, _ORDERED_FRAME = (
    tuple(term for term in SUBJECTS[noun].terms.values() if term.path and term.field.optional)
    for noun in ("eye", "frame")
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the solver answers.

    Attributes:
        possible: Whether there is such an order; None where that could not be told in time.
        spec: Where there is, one that was shown to be such; None where none was found that was.
        near: Where none was found that was, one that the solver holds to be such.
        because: Where there is none, the constraints it would take at least to be without.
    """

    possible: bool | None
    spec: Spec | None = None
    near: Spec | None = None
    because: tuple[str, ...] = ()


class World:
    """Every order there can be under a catalog."""

    def __init__(self, catalog: Catalog, seconds_each: float) -> None:
        self.catalog = catalog
        self._seconds_each = seconds_each
        self._rows: dict[tuple[str, str, str], Formula] = {}
        self._unfit: dict[tuple[str, str], Formula] = {}
        self._texts = _texts(catalog)
        self.variables = Variables(self._words, z3.Context())
        self._solver = z3.Solver(ctx=self.variables.context)
        self.errors: dict[str, Formula] = {}
        """Of each constraint that refuses and can be solved, the literal that it does not object."""
        self.available = self.variables.truth("is available")
        self._link()
        self._solver.add(z3.Implies(self.available, self.variables.all_of(list(self._available()))))
        for constraint in catalog.constraints:
            if constraint.severity is Severity.ERROR and is_solvable(constraint):
                literal = self.variables.truth(f"passes {constraint.id}")
                self.errors[constraint.id] = literal
                self._solver.add(z3.Implies(literal, z3.Not(self.objects(constraint))))
        self._known: set[tuple[str, tuple[int, ...]]] = set()
        self._usual: dict[int, Formula] = {}
        """Of what is usual, the literals by their id, what counts least last."""
        for number, each in enumerate(self._usually()):
            literal = self.variables.truth(f"usual {number}")
            self._usual[literal.get_id()] = literal
            self._solver.add(z3.Implies(literal, each))

    # ── questions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def accepted(self) -> list[Formula]:
        """What is assumed of an order that nothing objects to."""
        return [self.available, *self.errors.values()]

    def others(self, constraint: Constraint) -> list[str]:
        """Returns the constraints that refuse what a constraint may be about: those of a plan come after all others."""
        known = {each.id: each.scope for each in self.catalog.constraints}
        return [
            name
            for name in self.errors
            if name != constraint.id and (known[name] != OF_PLAN.name or constraint.scope == OF_PLAN.name)
        ]

    def ask(
        self,
        wanted: Sequence[Formula],
        assumed: Sequence[Formula] = (),
        shown: Callable[[Spec], bool] = lambda _: True,
    ) -> Answer:
        """Returns whether there is an order of which all that is wanted holds, and all that is assumed.

        Args:
            wanted: What is asked for.
            assumed: Literals more; where there is no such order, it is told which of them stand in the way.
            shown: Tells whether an order is really one of those, for what the solver holds to be possible need not be.
                Where it is not, the solver learns from the order how its facts hang together, and is asked again.
        """
        until = time.monotonic() + self._seconds_each
        self._solver.add(*self.variables.bounds)
        self.variables.bounds.clear()
        self._solver.push()
        self._solver.add(*wanted)
        try:
            return self._answer(list(assumed), shown, until)
        finally:
            self._solver.pop()

    def _answer(self, assumed: Sequence[Formula], shown: Callable[[Spec], bool], until: float) -> Answer:
        usual, near = dict(self._usual), None
        exactly: list[Formula] = []
        while (left := int(1000 * (until - time.monotonic()))) > 0:
            self._solver.set("timeout", left)
            result = self._check([*assumed, *exactly, *usual.values()])
            if result == z3.sat:
                spec = self._spec(self._solver.model())
                if shown(spec):
                    return Answer(possible=True, spec=spec)
                near = near or spec
                learnt = list(self._learnt(spec))
                self._solver.add(*learnt)
                self.variables.bounds += learnt  # for the questions to come, too
                if not learnt:
                    if exactly:
                        return Answer(possible=True, near=near)
                    exactly, usual = list(self._exactly()), dict(self._usual)
                continue
            if result == z3.unknown:
                break
            core = {each.get_id() for each in self._solver.unsat_core()}
            in_the_way = [each for each in usual if each in core]
            if in_the_way:
                del usual[in_the_way[-1]]
            elif any(each.get_id() in core for each in exactly):
                return Answer(possible=True, near=near)
            else:
                because = tuple(name for name, literal in self.errors.items() if literal.get_id() in core)
                return Answer(possible=False, because=because)
        return Answer(possible=None, near=near)

    def _exactly(self) -> Iterator[Formula]:
        """Yields what is assumed where much is known between bounds only: of an ED the smallest blank is known."""
        yield self._has("frame", "ed")
        yield z3.Not(self.variables.truth("frame.traced"))

    def _check(self, literals: Sequence[Formula]) -> Formula:
        """Returns what the solver says under some literals; as `z3.Solver.check` does, which looks at each of them."""
        handles = (z3.Ast * len(literals))(*(each.as_ast() for each in literals))
        context = self.variables.context
        return z3.CheckSatResult(
            z3.Z3_solver_check_assumptions(context.ref(), self._solver.solver, len(literals), handles)
        )

    def _learnt(self, spec: Spec) -> Iterator[Formula]:
        """Yields what the facts of an order tell of the roots that the solver keeps between bounds, if it is new.

        A root grows with the amounts that it is the root of: where neither is more than here, it is not more than here.
        """
        case = take(self.catalog, spec, {})
        facts = case.frame
        if facts.a is not None and facts.b is not None and facts.ed is not None and facts.ed_slack is not None:
            a, b = (self._number("frame", name) for name in ("a", "b"))
            boxed = z3.And(*(self._has("frame", name) for name in ("a", "b", "ed")))
            diagonal = self._number("frame", "ed") - self._number("frame", "ed_slack")
            yield from self._grown(boxed, diagonal, facts.ed - facts.ed_slack, ((a, facts.a), (b, facts.b)))
        for side, eye in case.eyes.items():
            name = SIDE_NAMES[side]
            if eye.prism is not None:
                given = self._has(name, "prism")
                parts = [
                    (z3.If(self._has(name, part), absolute(self._number(name, part)), 0), abs(getattr(eye, part) or 0))
                    for part in ("prism_horizontal", "prism_vertical")
                ]
                yield from self._grown(given, self._number(name, "prism"), eye.prism, parts)
            if eye.decentration is not None and eye.distance_pd is not None:
                yield from self._learnt_of_centre(name, eye, facts)

    def _learnt_of_centre(self, name: str, eye: EyeFacts, frame: FrameFacts) -> Iterator[Formula]:
        a, b, dbl = (self._number("frame", each) for each in ("a", "b", "dbl"))
        pd, height = self._number(name, "distance_pd"), self._number(name, "fitting_height")
        high = z3.And(self._has("frame", "b"), self._has(name, "fitting_height"))
        # in 1/200 mm, as the engine has them before it rounds
        inwards = absolute(a + dbl - 2 * pd), abs((frame.a or 0) + (frame.dbl or 0) - 2 * (eye.distance_pd or 0))
        is_high = frame.b is not None and eye.fitting_height is not None
        up = (
            z3.If(high, absolute(2 * height - b), 0),
            abs(2 * (eye.fitting_height or 0) - (frame.b or 0)) if is_high else 0,
        )
        given = self._has(name, "decentration")
        parts = inwards, up
        yield from self._grown(given, self._number(name, "decentration"), eye.decentration or 0, parts)
        if frame.ed is not None and not frame.traced and eye.minimum_blank is not None:
            by_ed = z3.And(given, self._has("frame", "ed"), z3.Not(self.variables.truth("frame.traced")))
            more = self._number(name, "minimum_blank") - self._number("frame", "ed")
            yield from self._grown(by_ed, more, eye.minimum_blank - frame.ed, parts)

    def _grown(
        self, given: Formula, root: Formula, value: int, parts: Sequence[tuple[Formula, int]]
    ) -> Iterator[Formula]:
        """Yields that a root is at most, and at least, what it is for some parts; nothing that was told before."""
        key = str(root), tuple(amount for _, amount in parts)
        if key not in self._known:
            self._known.add(key)
            yield z3.Implies(z3.And(given, *(part <= amount for part, amount in parts)), root <= value)
            yield z3.Implies(z3.And(given, *(part >= amount for part, amount in parts)), root >= value)

    def objects(self, constraint: Constraint) -> Formula:
        """Returns whether a constraint objects, to one of the eyes that are made where it is asked of each."""
        if constraint.checked is None:
            return self.variables.true(value=False)
        root = constraint.checked.root
        return self.variables.any_of(
            [z3.And(made, formula(root, self.variables, names)) for made, names in self.asked(constraint.scope)]
        )

    def passes(self, constraint: Constraint) -> Formula:
        """Returns whether a constraint does not object to one of those that it is asked of."""
        if constraint.checked is None:
            return self.variables.true(value=False)
        root = constraint.checked.root
        return self.variables.any_of(
            [z3.And(made, z3.Not(formula(root, self.variables, names))) for made, names in self.asked(constraint.scope)]
        )

    def asked(self, scope: str) -> Iterator[tuple[Formula, Names]]:
        """Yields whether a scope is asked, and of which variables."""
        if scope == OF_PAIR.name:
            yield self.variables.true(), {}
            return
        for name in SIDE_NAMES.values():
            made = self.variables.truth(f"{name} is made")
            asked = z3.And(made, self.available) if scope == OF_PLAN.name else made
            yield asked, {"eye": name, "plan": f"{name} plan"}

    def row(self, table: Table, row: Row, names: Names) -> Formula:
        """Returns whether the conditions of a row hold."""
        key = table.id, row.id, names.get("eye", "")
        if key not in self._rows:
            self._rows[key] = self._row(table, row, names)
        return self._rows[key]

    def _row(self, table: Table, row: Row, names: Names) -> Formula:
        held = []
        for column in table.columns:
            asked = row.when.get(column.name)
            if asked is not None:
                noun, _, name = column.path.partition(".")
                path = f"{names.get(noun, noun)}.{name}"
                held.append(condition(asked, path, column.field, self.variables))
        return self.variables.all_of(held)

    def used(self, table: Table, row: Row | None) -> Formula:
        """Returns whether a row answers when the table is asked; whether none does."""
        found = []
        for made, names in self.asked(table.scope.name):
            before = table.rows[: table.rows.index(row)] if row else table.rows
            others = [z3.Not(self.row(table, each, names)) for each in before]
            holds = [self.row(table, row, names), *self._is_priced(table)] if row else []
            found.append(z3.And(made, self._is_asked(table, names), *others, *holds))
        return self.variables.any_of(found)

    def lens(self, design: str, material: str = "", colours: Sequence[str] = ()) -> Formula:
        """Returns whether a lens is of a design, and of a material and one of some colours where they are said."""
        chosen = [self._is("lens", "design", design)]
        chosen += [self._is("lens", "material", material)] if material else []
        chosen += [self._any("lens", "colour", colours)] if colours else []
        return self.variables.all_of(chosen)

    def other_lens(self, design: str, material: str) -> Formula:
        """Returns whether a lens is of another design or material."""
        return z3.Not(self.lens(design, material))

    def both(self, table: Table, one: Row, other: Row) -> Formula:
        """Returns whether two rows hold at once when the table is asked."""
        return self.variables.any_of(
            [
                z3.And(made, self._is_asked(table, names), self.row(table, one, names), self.row(table, other, names))
                for made, names in self.asked(table.scope.name)
            ]
        )

    def surfaced(self, table: Table, row: Row) -> Formula:
        """Returns whether a row answers for an eye whose lens no finished blank can be."""
        finished = [blank for blank in self.catalog.blanks.values() if blank.finished]
        return self.variables.any_of(
            [
                z3.And(made, self._answers(table, row, names), *(self._is_unfit(blank, names) for blank in finished))
                for made, names in self.asked(table.scope.name)
            ]
        )

    def _answers(self, table: Table, row: Row, names: Names) -> Formula:
        """Returns whether a row holds, and none before it."""
        before = table.rows[: table.rows.index(row)]
        return z3.And(self.row(table, row, names), *(z3.Not(self.row(table, each, names)) for each in before))

    def _is_unfit(self, blank: Blank, names: Names) -> Formula:
        """Returns whether a lens is not what a blank is for, or is to be thicker or larger than it."""
        eye, table = names["eye"], self.catalog.tables[MINIMUM_THICKNESS]
        key = blank.id, eye
        if key not in self._unfit:
            has, smallest = self._has(eye, "minimum_blank"), self._number(eye, "minimum_blank")
            unfit = [z3.Not(self.variables.all_of(list(self._fits(blank, eye))))]
            for row in table.rows:
                if row.then["centre"] > blank.centre:
                    unfit.append(self._answers(table, row, names))
                elif "allowance" in row.then:
                    small = z3.And(has, smallest + row.then["allowance"] > blank.diameter)
                    unfit.append(z3.And(small, self._answers(table, row, names)))
            self._unfit[key] = self.variables.any_of(unfit)
        return self._unfit[key]

    def _is_priced(self, table: Table) -> Iterator[Formula]:
        """Yields, for a table that charges, that those answer without which nothing has a price."""
        for each in self.catalog.charges if table.charge else ():
            if each.needed and each.charge is Charge.PAIR and each is not table:
                yield self.variables.any_of([self.row(each, row, {}) for row in each.rows])

    def _is_asked(self, table: Table, names: Names) -> Formula:
        """Returns whether a table is asked where its scope is: of the steps that a lens needs, of what was chosen."""
        if table.id in SURFACING:
            return z3.Not(self.variables.truth(f"{names['plan']}.finished"))
        kind = {Charge.COATING: COATINGS, Charge.OPTION: OPTIONS}.get(table.charge or Charge.PAIR)
        if kind is None:
            return self.variables.true()
        field = _field("lens", kind)
        return self.variables.any_of(
            [
                z3.And(self.variables.member(f"lens.{kind}", field, each), self._is("price", "item", each))
                for each in self.catalog.entries(kind)
            ]
        )

    # ── what fields can be ────────────────────────────────────────────────────────────────────────────────────────────

    def _words(self, field: Field) -> Sequence[str]:
        words = values_of(field, self.catalog)
        if field.name == "side":
            return ("", *(words or ()))  # of an eye that no lens is made for
        return self._texts if words is None else words

    def _number(self, noun: str, name: str, of: str = "") -> Formula:
        return self.variables.read(f"{noun}.{name}", _field(of or noun, name))

    def _has(self, noun: str, name: str) -> Formula:
        return self.variables.has(f"{noun}.{name}", _field(noun, name))

    def _is(self, noun: str, name: str, text: str) -> Formula:
        return self.variables.is_text(f"{noun}.{name}", _field(noun, name), text)

    def _any(self, noun: str, name: str, texts: Sequence[str]) -> Formula:
        return self.variables.any_of([self._is(noun, name, each) for each in texts])

    # ── how facts hang together ───────────────────────────────────────────────────────────────────────────────────────

    def _link(self) -> None:
        for noun in ("right", "left", "frame", "lens", "order"):
            for term in SUBJECTS[noun].terms.values():
                if term.field.kind is not Kind.TEXTS:
                    self.variables.read(f"{noun}.{term.field.name}", term.field)
        for part in (self._link_lens(), self._link_frame(), self._link_pair(), self._link_price()):
            self._solver.add(*part)
        for side in SIDE_NAMES.values():
            self._solver.add(*self._link_eye(side))
            self._solver.add(*self._link_plan(side))

    def _follows(self, noun: str, name: str, given: Formula, value: Formula | None = None) -> Iterator[Formula]:
        """Yields that a number is there when what it follows from is, and then has a value."""
        yield self._has(noun, name) == given
        if value is not None:
            yield z3.Implies(given, self._number(noun, name) == value)

    def _link_eye(self, eye: str) -> Iterator[Formula]:
        made = self.variables.truth(f"{eye} is made")
        others = [self._has(eye, term.field.name) for term in _ORDERED_EYE]
        said = z3.And(self._is("order", "eyes", "unsaid"), z3.Or(*others))
        # as long as the eyes are not said, a measure that cannot be, and is left out, is enough to make one
        yield z3.Implies(z3.Or(self._any("order", "eyes", ("both", eye)), said), made)
        yield z3.Implies(made, self._any("order", "eyes", ("both", eye, "unsaid")))
        yield self._is(eye, "side", eye) == made
        yield z3.Implies(z3.Not(made), z3.And(self._is(eye, "side", ""), *map(z3.Not, others)))
        sphere, given = self._number(eye, "sphere"), self._has(eye, "sphere")
        written, cylinder = self._has(eye, "cylinder"), self._number(eye, "cylinder")
        across = sphere + z3.If(written, cylinder, 0)
        low, high = least(sphere, across), greatest(sphere, across)
        strongest = z3.If(high > -low, high, low)
        yield from self._follows(eye, "power_low", given, low)
        yield from self._follows(eye, "power_high", given, high)
        yield from self._follows(eye, "power_strongest", given, strongest)
        yield from self._follows(eye, "power_amount", given, absolute(strongest))
        yield from self._follows(eye, "spherical_equivalent", given, halved(sphere + across))
        yield from self._follows(eye, "cylinder_amount", written, absolute(cylinder))
        parts = [(self._has(eye, name), self._number(eye, name)) for name in ("prism_horizontal", "prism_vertical")]
        prism = z3.Or(*(has for has, _ in parts))
        yield from self._follows(eye, "prism", prism)
        yield z3.Implies(prism, _is_root(self._number(eye, "prism"), *(z3.If(has, each, 0) for has, each in parts)))
        yield from self._link_centre(eye)

    def _link_centre(self, eye: str) -> Iterator[Formula]:
        pd, height = self._number(eye, "distance_pd"), self._number(eye, "fitting_height")
        a, b, dbl = (self._number("frame", name) for name in ("a", "b", "dbl"))
        has_pd, has_b = self._has(eye, "distance_pd"), self._has("frame", "b")
        near = z3.And(has_pd, self._has(eye, "near_pd"))
        yield from self._follows(eye, "near_inset", near, pd - self._number(eye, "near_pd"))
        high = z3.And(has_b, self._has(eye, "fitting_height"))
        yield from self._follows(eye, "height_clearance", high, b - height)
        yield from self._follows(eye, "decentration_up", high, halved(2 * height - b))
        centred = z3.And(has_pd, self._has("frame", "a"), self._has("frame", "dbl"))
        yield from self._follows(eye, "decentration_in", centred, halved(a + dbl - 2 * pd))
        yield from self._follows(eye, "decentration", centred)
        amount = self._number(eye, "decentration")
        up = z3.If(high, self._number(eye, "decentration_up"), 0)
        yield z3.Implies(centred, _is_root(amount, self._number(eye, "decentration_in"), up, slack=1))
        shaped = z3.Or(self._has("frame", "ed"), has_b)
        yield from self._follows(eye, "minimum_blank", z3.And(centred, shaped))
        blank = self._number(eye, "minimum_blank") - self._number("frame", "ed") - 2 * amount
        by_formula = z3.And(centred, self._has("frame", "ed"), z3.Not(self.variables.truth("frame.traced")))
        yield z3.Implies(by_formula, absolute(blank) <= _ROUNDING)
        yield from self._link_box(eye, z3.And(centred, shaped, z3.Not(self.variables.truth("frame.traced"))))

    def _link_box(self, eye: str, given: Formula) -> Iterator[Formula]:
        """Yields what is known of the smallest blank by the box: the shape touches all its sides, and keeps within."""
        blank, amount = self._number(eye, "minimum_blank"), self._number(eye, "decentration")
        a, b = self._number("frame", "a"), self._number("frame", "b")
        by_box = z3.And(given, self._has("frame", "b"), z3.Not(self._has("frame", "ed")))
        yield z3.Implies(by_box, blank >= a + 2 * absolute(self._number(eye, "decentration_in")) - _SAMPLED)
        longer, shorter = greatest(a, b), least(a, b)
        yield z3.Implies(by_box, 10_000 * (blank - 2 * amount - _ROUNDING) <= 10_000 * longer + 4_143 * shorter)

    def _link_frame(self) -> Iterator[Formula]:
        a, b, ed = (self._number("frame", name) for name in ("a", "b", "ed"))
        boxed = z3.And(*(self._has("frame", name) for name in ("a", "b", "ed")))
        yield z3.Implies(self.variables.truth("frame.traced"), boxed)
        yield from self._follows("frame", "ed_excess", boxed, ed - greatest(a, b))
        yield from self._follows("frame", "ed_slack", boxed)
        diagonal = ed - self._number("frame", "ed_slack")
        yield z3.Implies(boxed, _is_root(diagonal, a, b))
        usual = z3.And(*(self._number("frame", name) == value for name, value in _USUAL_BOX.items()))
        yield z3.Implies(z3.And(boxed, usual), diagonal == ceil(hypot(*_USUAL_BOX.values())))

    def _link_pair(self) -> Iterator[Formula]:
        both = z3.And(*(self.variables.truth(f"{side} is made") for side in SIDE_NAMES.values()))
        spheres = z3.And(both, self._has("right", "sphere"), self._has("left", "sphere"))
        cylinders = z3.And(both, self._has("right", "cylinder"), self._has("left", "cylinder"))
        right, left = (self._doubled(side) for side in SIDE_NAMES.values())
        yield from self._follows("pair", "anisometropia", spheres, (absolute(right - left) + 1) / 2)
        for name, given in (("sphere", spheres), ("cylinder", cylinders)):
            one, other = self._number("right", name), self._number("left", name)
            opposite = z3.Or(z3.And(one < 0, other > 0), z3.And(one > 0, other < 0))
            amount = z3.If(opposite, least(absolute(one), absolute(other)), 0)
            yield from self._follows("pair", f"opposite_{name}s", given, amount)

    def _doubled(self, eye: str) -> Formula:
        return 2 * self._number(eye, "sphere") + z3.If(self._has(eye, "cylinder"), self._number(eye, "cylinder"), 0)

    def _link_lens(self) -> Iterator[Formula]:
        yield z3.Or(
            z3.And(self._is("lens", "design", ""), self._is("lens", "type", "")),
            *(
                z3.And(self._is("lens", "design", each.id), self._is("lens", "type", each.type.value))
                for each in self.catalog.designs.values()
            ),
        )
        has, index = self._has("lens", "index"), self._number("lens", "index")
        none = z3.And(self._is("lens", "material", ""), self._is("lens", "impact", ""), z3.Not(has))
        yield z3.Or(
            none,
            *(
                z3.And(
                    self._is("lens", "material", each.id),
                    self._is("lens", "impact", each.impact),
                    has,
                    index == each.index,
                )
                for each in self.catalog.materials.values()
            ),
        )
        for kind in (COATINGS, OPTIONS):
            field = _field("lens", kind)
            size = self.variables.size(f"lens.{kind}", field)
            members = [self.variables.member(f"lens.{kind}", field, each) for each in self.catalog.entries(kind)]
            yield size == (z3.Sum(*(z3.If(each, 1, 0) for each in members)) if members else 0)

    def _link_plan(self, eye: str) -> Iterator[Formula]:
        noun = f"{eye} plan"

        def number(name: str) -> Formula:
            return self._number(noun, name, "plan")

        finished = self.variables.truth(f"{noun}.finished")
        made = self.variables.truth(f"{eye} is made")
        of_blanks = [
            z3.And(
                self.variables.is_text(f"{noun}.blank", _field("plan", "blank"), blank.id),
                number("blank_diameter") == blank.diameter,
                number("base") == blank.base,
                number("front") == blank.front,
                number("centre_thickness") <= blank.centre,
                finished == self.variables.true(value=blank.finished),
                *self._fits(blank, eye),
            )
            for blank in self.catalog.blanks.values()
        ]
        without = [
            self.lens(design, material, [colour, *([""] if colour == self.catalog.plain_colour else [])])
            for (design, material), colours in self.catalog.made.items()
            for colour in colours
            if (design, material, colour) not in self.catalog.stock
        ]
        yield z3.Implies(z3.And(made, self.available), self.variables.any_of([*of_blanks, *without]))
        yield number("edge_thinnest") <= number("edge_thickest")
        yield number("back_steep") <= number("back_flat")

    def _fits(self, blank: Blank, eye: str) -> Iterator[Formula]:
        """Yields what holds of an eye whose lens is made of a blank."""
        plain = ("",) if self.catalog.plain_colour in blank.colours else ()
        yield self._is("lens", "material", blank.material)
        yield self._any("lens", "colour", (*blank.colours, *plain))
        yield z3.Or(self._any("lens", "type", blank.types), self._any("lens", "design", blank.designs))
        if blank.side is not None:
            yield self.variables.true(value=SIDE_NAMES[blank.side] == eye)
        if blank.add is not None:
            yield z3.And(self._has(eye, "add"), self._number(eye, "add") == blank.add)
        yield z3.Implies(self._has(eye, "minimum_blank"), self._number(eye, "minimum_blank") <= blank.diameter)
        if blank.finished:
            low, high = self._number(eye, "power_low"), self._number(eye, "power_high")
            for number, (least_of, most_of) in ((high, blank.power), (low - high, blank.cylinder)):
                yield from () if least_of is None else (number >= least_of,)
                yield from () if most_of is None else (number <= most_of,)
            thinned = self.variables.member(f"lens.{OPTIONS}", _field("lens", OPTIONS), PRISM_THINNING)
            yield z3.Implies(self._has(eye, "prism"), z3.Or(thinned, self._number(eye, "prism") == 0))

    def _link_price(self) -> Iterator[Formula]:
        table = self.catalog.tables.get(PRICE_LIST)
        if table is None:
            return
        before: list[Formula] = []
        for row in table.rows:
            holds = self.row(table, row, {})
            yield z3.Implies(z3.And(holds, *map(z3.Not, before)), self._is("price", "list", row.then["list"]))
            before.append(holds)

    def _available(self) -> Iterator[Formula]:
        """Yields what the engine asks of an order by itself."""
        yield self._any("order", "eyes", ("both", "right", "left"))
        plain = self.catalog.plain_colour
        yield self.variables.any_of(
            [
                z3.And(
                    self.lens(design, material),
                    self._any("lens", "colour", (*colours, *(("",) if plain in colours else ()))),
                )
                for (design, material), colours in self.catalog.made.items()
            ]
        )
        yield from self._without_clash()
        for eye in SIDE_NAMES.values():
            power = z3.Or(
                z3.Not(self._has(eye, "cylinder")), self._number(eye, "cylinder") == 0, self._has(eye, "axis")
            )
            shape = z3.Implies(self._has(eye, "minimum_blank"), self._has("frame", "b"))
            made = self.variables.truth(f"{eye} is made")
            yield z3.Implies(made, z3.And(self._has(eye, "sphere"), power, shape))

    def _without_clash(self) -> Iterator[Formula]:
        groups: dict[str, list[Formula]] = {}
        for each in self.catalog.colours.values():
            groups.setdefault(each.group, []).append(self._is("lens", "colour", each.id))
        for kind, entries in ((COATINGS, self.catalog.coatings), (OPTIONS, self.catalog.options)):
            for each in entries.values():
                chosen = self.variables.member(f"lens.{kind}", _field("lens", kind), each.id)
                groups.setdefault(each.group, []).append(chosen)
        groups.pop("", None)
        yield from (z3.AtMost(*members, 1) for members in groups.values())

    # ── what is usual ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _usually(self) -> Iterator[Formula]:
        yield self._is("order", "eyes", "both")
        yield self._is("order", "account", "")
        yield self._is("lens", "colour", self.catalog.plain_colour)
        yield self._is("frame", "edge_type", EdgeType.BEVEL.value)
        yield self._is("frame", "material", FrameMaterial.PLASTIC.value)
        yield z3.Not(self.variables.truth("frame.traced"))
        for name, usual in {**_USUAL_BOX, "dbl": 18_00}.items():
            yield self._has("frame", name)
            yield self._number("frame", name) == usual
        for name in ("ed", "wrap", "panto", "vertex"):
            yield z3.Not(self._has("frame", name))
        for kind in (COATINGS, OPTIONS):
            for each in self.catalog.entries(kind):
                yield z3.Not(self.variables.member(f"lens.{kind}", _field("lens", kind), each))
        for eye in SIDE_NAMES.values():
            for name, usual in {"distance_pd": 31_00, "fitting_height": 20_00}.items():
                yield self._has(eye, name)
                yield self._number(eye, name) == usual
            sphere = self._number(eye, "sphere")
            yield self._has(eye, "sphere")
            yield from (sphere == _USUAL_SPHERE, z3.And(sphere >= _USUAL_SPHERES[0], sphere <= _USUAL_SPHERES[1]))
            for name in ("cylinder", "axis", "add", "prism_horizontal", "prism_vertical", "near_pd"):
                yield z3.Not(self._has(eye, name))
            # where there is one after all
            yield z3.Or(*(self._number(eye, "add") == each for each in _USUAL_ADDS))
            yield self._number(eye, "cylinder") == _USUAL_CYLINDER

    # ── what was found ────────────────────────────────────────────────────────────────────────────────────────────────

    def _spec(self, model: Formula) -> Spec:
        def number(path: str, field: Field) -> int | None:
            if not z3.is_true(model.eval(self.variables.has(path, field), model_completion=True)):
                return None
            return int(model.eval(self.variables.read(path, field), model_completion=True).as_long())

        def text(noun: str, name: str) -> str:
            field = _field(noun, name)
            value = model.eval(self.variables.read(f"{noun}.{name}", field), model_completion=True)
            return str(self._words(field)[value.as_long()])

        def texts(kind: str) -> tuple[str, ...]:
            field = _field("lens", kind)
            held = {each: self.variables.member(f"lens.{kind}", field, each) for each in self.catalog.entries(kind)}
            return tuple(each for each, is_held in held.items() if z3.is_true(model.eval(is_held)))

        def numbers(noun: str, terms: Sequence[Term]) -> Mapping[str, int | None]:
            return {term.field.name: number(f"{noun}.{term.field.name}", term.field) for term in terms}

        measures = numbers("frame", _ORDERED_FRAME)
        traced = z3.is_true(model.eval(self.variables.truth("frame.traced"), model_completion=True))
        account = text("order", "account")
        return Spec(
            eyes=Eyes(text("order", "eyes")),
            right=Eye(**numbers("right", _ORDERED_EYE)),
            left=Eye(**numbers("left", _ORDERED_EYE)),
            frame=Frame(
                **measures,
                material=FrameMaterial(text("frame", "material")),
                edge_type=EdgeType(text("frame", "edge_type")),
                traces=Traces(right=_oval(measures["a"] or 0, measures["b"] or 0)) if traced else Traces(),
            ),
            lens=Lens(
                design=text("lens", "design"),
                material=text("lens", "material"),
                colour=text("lens", "colour"),
                coatings=texts(COATINGS),
                options=texts(OPTIONS),
            ),
            account="any-other" if account == OTHER else account,
        )


def _field(noun: str, name: str) -> Field:
    return SUBJECTS[noun].terms[name].field


def _is_root(value: Formula, one: Formula, other: Formula, slack: int = 0) -> Formula:
    """Returns what holds of the root of two squares, rounded up: it lies between a circle's tangents and chords."""
    one, other = absolute(one), absolute(other)
    longer, shorter = greatest(one, other), least(one, other)
    return z3.And(
        value >= longer - slack,
        10_000 * (value + slack) >= 7_071 * (longer + shorter),
        10_000 * (value + slack) >= 9_238 * longer + 3_826 * shorter,
        10_000 * (value - 1 - slack) <= greatest(10_000 * longer + 1_990 * shorter, 8_478 * longer + 5_665 * shorter),
        z3.Implies(shorter == 0, value <= longer + slack),
    )


def _oval(a: int, b: int) -> Radii:
    """Returns the trace of an oval in a box."""
    turns = (2 * pi * number / _POINTS for number in range(_POINTS))
    return Radii(tuple(ceil(a * b / 2 / hypot(b * cos(turn), a * sin(turn))) for turn in turns))


def _texts(catalog: Catalog) -> tuple[str, ...]:
    """Returns what a text can be that can be anything: what rules name, nothing, and one that no rule names."""
    named = {""}
    for table in catalog.tables.values():
        for column in table.columns:
            if column.field.kind is Kind.TEXT and column.field.domain is None:
                conditions = [row.when.get(column.name) for row in table.rows]
                named |= {word for each in conditions if isinstance(each, OneOf) for word in each.values}
        named |= {row.then["list"] for row in table.rows if "list" in row.then}
    for constraint in catalog.constraints:
        if constraint.checked is not None:
            named |= {node.value for node in walk(constraint.checked.root) if isinstance(node, Text)}
    return (*sorted(named | set(catalog.coatings) | set(catalog.options)), OTHER)
