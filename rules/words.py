"""Says what is objected to, in the words of an optician.

A message begins with what it is about and how much that is, and goes on with the way out, which is the constraint's
own sentence: ``Right eye, sphere -8.25 D: CR-39 1.50 is ground down to -8.00 D; choose a higher index.``

A sentence may name, in braces:

    {low}, or any other name of a given    the number with its unit
    {design} {material} {colour}           what was chosen, by name
    {ending}                               the last two decimals of the value that the message shows: .13
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from optics.eyes import Side
from rules.catalog import Catalog, Constraint, Entry
from rules.decision import Violation
from rules.expression.view import Given, Kind
from rules.facts import NAMES, Case
from rules.units import Unit, spoken
from rules.view import SCOPES, SIDE_NAMES, SUBJECTS, Spot, Term, capital

ENDING = "ending"

ALTERNATIVES = 5
"""As many as a message names: more would be a catalog."""

ALIKE = 0.55
"""How alike (1 is the same) an entry is to what was wanted, at least: below it, what they have in common is chance."""


def sayable(given: Mapping[str, Given], shows: Spot | None) -> frozenset[str]:
    """Returns the words that the sentence of a constraint may have in braces."""
    term = shows.term if shows else None
    ending = {ENDING} if term and term.field.unit else frozenset[str]()
    return frozenset(NAMES) | given.keys() | ending


def objection(case: Case, constraint: Constraint, nouns: Sequence[object], side: Side | None) -> Violation:
    """Returns what a constraint that objects has to say."""
    of_side = SIDE_NAMES[side] if side else ""
    return Violation(
        code=constraint.code,
        severity=constraint.severity,
        field=constraint.at.path(of_side),
        message=f"{capital(_about(case, constraint, nouns, of_side))}: {_says(case, constraint, nouns)}",
        rule=constraint.id,
    )


def sentence(case: Case, says: str, **words: str) -> str:
    """Returns a sentence with its words in braces filled in."""
    return says.format(**case.names, **words)


def listed(ids: Sequence[str], entries: Mapping[str, Entry]) -> str:
    """Returns entries by name and id: ``CR-39 (cr39), Trivex (trivex) or Crown (crown)``; nothing for none."""
    *others, last = [f"{entries[each].name} ({each})" for each in ids] or [""]
    return f"{', '.join(others)}{' or ' if others else ''}{last}"


def way_out(ids: Sequence[str], entries: Mapping[str, Entry], otherwise: str) -> str:
    """Returns the end of a sentence: the entries that would do instead, or something else where there are none."""
    return f"choose {listed(ids, entries)}." if ids else otherwise


def nearest_index(catalog: Catalog, material: str, others: Collection[str]) -> tuple[str, ...]:
    """Returns some of the other materials, those of the nearest refractive index first."""
    index = catalog.materials[material].index
    return tuple(sorted(others, key=lambda each: abs(catalog.materials[each].index - index)))[:ALTERNATIVES]


def most_alike(wanted: str, said: Mapping[str, Iterable[str]], at_least: float) -> tuple[str, ...]:
    """Returns the ids whose texts are like what was wanted (0 not at all, 1 the same), the most alike first.

    Args:
        wanted: What was written, in small letters.
        said: The texts of each id, in any letters.
        at_least: Below it, an id is left out.
    """
    alike = {
        each: max(SequenceMatcher(None, wanted, text.lower()).ratio() for text in texts) for each, texts in said.items()
    }
    return tuple(sorted((each for each in alike if alike[each] >= at_least), key=lambda each: -alike[each]))


def _says(case: Case, constraint: Constraint, nouns: Sequence[object]) -> str:
    shows = constraint.shows
    term = shows.term if shows else None
    amounts = term is not None and term.field.unit is Unit.DIOPTRE_AMOUNT
    words = {name: _spoken_given(given, amounts=amounts) for name, given in constraint.given.items()}
    if shows and term and term.field.unit:
        words[ENDING] = f".{abs(_value(constraint.scope, shows, nouns) or 0) % 100:02}"
    return sentence(case, constraint.says, **words)


def _spoken_given(given: Given, *, amounts: bool) -> str:
    if given.unit is None:
        return str(given.value)
    return spoken(given.value, Unit.DIOPTRE_AMOUNT if amounts and given.unit is Unit.DIOPTRE else given.unit)


def _about(case: Case, constraint: Constraint, nouns: Sequence[object], side: str) -> str:
    """Returns what a message is about, and how much that is: ``right eye, sphere -8.25 D``."""
    spot = constraint.shows or constraint.at
    term = spot.term
    if term is None:
        return "prescription"
    # what is shown of a plan is one eye's as well
    subject = SUBJECTS[side if side and spot.noun in {"eye", "plan"} else spot.noun]
    told = _told(case, spot, term, nouns, constraint.scope) if constraint.shows else ""
    return f"{subject.words}{term.words}{' ' if told else ''}{told}"


def _told(case: Case, spot: Spot, term: Term, nouns: Sequence[object], scope: str) -> str:
    """Returns a value in words; empty for one that is absent or not chosen."""
    if term.both:
        unit = Unit.DIOPTRE
        values = ((side, getattr(eye, term.both)) for side, eye in case.eyes.items())
        return " and ".join(f"{spoken(value, unit)} {SIDE_NAMES[side]}" for side, value in values if value is not None)
    value = _value(scope, spot, nouns)
    match term.field.kind:
        case Kind.INT if value is not None:
            return str(value) if term.field.unit is None else spoken(value, term.field.unit)
        case Kind.TEXT if value not in {"", "unsaid"}:
            return _named(case.catalog, term, value)
        case Kind.TEXTS:
            return ", ".join(_named(case.catalog, term, each) for each in value)
        case _:
            return ""


def _value(scope: str, spot: Spot, nouns: Sequence[object]) -> Any:  # noqa: ANN401 -- a number, a text, texts, or yes or no
    place = next(place for place, noun in enumerate(SCOPES[scope].nouns) if noun.name == spot.noun)
    return getattr(nouns[place], spot.name)


def _named(catalog: Catalog, term: Term, value: str) -> str:
    """Returns the name of a catalog entry; any other text as it is."""
    domain = term.field.domain
    entry = catalog.entries(domain).get(value) if isinstance(domain, str) else None
    return entry.name if entry else value
