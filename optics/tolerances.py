"""How far a lens may be off: tolerance profiles, and the inspection of what was measured against what was wanted.

A profile is data: a standard's edition, and for each quantity the limits by bands, each with its source. Standards
differ by country and by edition, so none is built in; `profile_from` reads one from plain data.

What is wanted is the power the lens was calculated to measure. A free-form lens is compensated for the way it is worn,
and inspected against the order it would fail although it is perfect (ISO 8980-1: "tolerances shall apply to the
corrected value"). The caller gives the right target.

A limit is an amount, a percentage, the prism that a misplacement by some millimetres makes, or the greatest of these.
Limits are inclusive and exact. Values are hundredths, limits millionths, and nothing is ever a float: 2 % of 8.25 D is
0.165000 D, and 0.16 is within and 0.17 is not.

What is looked at:

    power               the meridian of the highest absolute power, its neighbour if both are equally strong
    sphere, cylinder    in minus-cylinder form; the sphere in the form of the target
    axis                the smaller way round half a turn; nothing is told where no cylinder was measured
    prism               amount of the difference of the two prisms, whatever its direction
    prism_horizontal, prism_vertical      its parts
    imbalance_horizontal                  of a pair: what both lenses are too much base in, together
    imbalance_vertical                    of a pair: by how much the right one is more base up than the left one
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple, TypeAlias, TypeVar

from optics.numbers import Hundredths, NumberError, Thousandths, parse_decimal
from optics.power import HALF_TURN, SpheroCylinder, minus_form, plus_form, power_at, strongest
from optics.prism import Prism

Millionths: TypeAlias = int
"""An integer of 1/1000000 of a unit: fine enough for a percentage of hundredths to be exact."""

_PER_HUNDREDTH = 10_000
_PER_THOUSANDTH = 1_000


class Quantity(StrEnum):
    """What is inspected, in dioptres, prism dioptres, degrees or millimetres."""

    POWER = "power"
    SPHERE = "sphere"
    CYLINDER = "cylinder"
    AXIS = "axis"
    ADD = "add"
    PRISM = "prism"
    PRISM_HORIZONTAL = "prism_horizontal"
    PRISM_VERTICAL = "prism_vertical"
    BASE = "base"
    CENTRE_THICKNESS = "centre_thickness"
    SEGMENT_HEIGHT = "segment_height"
    SEGMENT_WIDTH = "segment_width"
    SEGMENT_TILT = "segment_tilt"
    FITTING_HEIGHT = "fitting_height"
    IMBALANCE_HORIZONTAL = "imbalance_horizontal"
    IMBALANCE_VERTICAL = "imbalance_vertical"
    NEAR_PD = "near_pd"
    SEGMENT_HEIGHT_DIFFERENCE = "segment_height_difference"
    SEGMENT_WIDTH_DIFFERENCE = "segment_width_difference"


class By(StrEnum):
    """What of the target the bands of a limit go by; of a pair the stronger lens."""

    NOTHING = "nothing"
    POWER = "power"
    """The power in the meridian of the highest absolute power."""
    POWER_HORIZONTAL = "power_horizontal"
    POWER_VERTICAL = "power_vertical"
    SPHERE = "sphere"
    CYLINDER = "cylinder"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class Band:
    """A limit up to some value of what the bands go by. The greatest of what is given counts; nothing is no limit."""

    up_to: Thousandths | None = None
    """The last value of the band, as an amount; None: without end."""
    amount: Thousandths | None = None
    """In 1/1000 of the quantity's unit."""
    percent: Hundredths | None = None
    """In 1/100 percent of what the bands go by."""
    millimetres: Hundredths | None = None
    """A misplacement in 1/100 mm; with the power that the bands go by it makes a prism (Prentice's rule)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The limits of one quantity."""

    quantity: Quantity
    by: By
    bands: tuple[Band, ...]
    """Rising; the last one has no end."""
    source: str
    """Where the limits are published."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The limits a standard sets, in one edition of it."""

    id: str
    name: str
    edition: str
    types: tuple[str, ...]
    """The types of lenses it is for, in the words of whoever chooses by them."""
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class LensValues:
    """What a lens should be, or what it was found to be; None where that was not said or not measured."""

    power: SpheroCylinder
    add: Hundredths | None = None
    prism: Prism | None = None
    """At the prism reference point."""
    base: Hundredths | None = None
    centre_thickness: Hundredths | None = None
    segment_height: Hundredths | None = None
    segment_width: Hundredths | None = None
    segment_tilt: Hundredths | None = None
    """Hundredths of a degree."""
    fitting_height: Hundredths | None = None
    near_pd: Hundredths | None = None
    """Monocular."""


class Pair(NamedTuple):
    """Both lenses of a pair of glasses."""

    right: LensValues
    left: LensValues


@dataclass(frozen=True, slots=True)
class Finding:
    """One quantity, inspected. All but the limit in hundredths of its unit."""

    quantity: Quantity
    target: Hundredths
    measured: Hundredths
    deviation: Hundredths
    """Measured less target; of an axis the smaller way round; of a prism the amount of the difference, rounded up."""
    limit: Millionths
    """The largest amount of a deviation that is within; in millionths of the unit."""
    passed: bool


class _Compared(NamedTuple):
    """A target and what was measured, not judged yet; the square of the deviation where that is not a whole number."""

    target: Hundredths
    measured: Hundredths
    deviation: Hundredths
    square: int | None = None


def inspect(profile: Profile, target: LensValues, measured: LensValues) -> tuple[Finding, ...]:
    """Return a finding for each quantity of one lens that the profile limits and that is both wanted and measured."""
    return tuple(
        _judged(rule, limit, compared)
        for rule in profile.rules
        if rule.quantity in _OF_LENS
        for limit in _limits(rule, (target,))
        for compared in _OF_LENS[rule.quantity](target, measured)
    )


def inspect_pair(profile: Profile, target: Pair, measured: Pair) -> tuple[Finding, ...]:
    """Return a finding for each quantity of a pair, beyond those of its lenses, as `inspect` does for one lens."""
    return tuple(
        _judged(rule, limit, compared)
        for rule in profile.rules
        if rule.quantity in _OF_PAIR
        for limit in _limits(rule, target)
        for compared in _OF_PAIR[rule.quantity](target, measured)
    )


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _limits(rule: Rule, targets: Sequence[LensValues]) -> Iterator[Millionths]:
    """Yields the limit of a rule for a target; nothing where there is none."""
    values = [value for target in targets if (value := _BY[rule.by](target)) is not None]
    if not values:
        return
    value = max(values)
    band = next(band for band in rule.bands if band.up_to is None or value <= band.up_to)
    limits = []
    if band.amount is not None:
        limits.append(band.amount * _PER_THOUSANDTH)
    if band.percent is not None:
        # 1/1000 of a unit times 1/10000; rounded down, which no deviation in hundredths can notice
        limits.append(value * band.percent // 10)
    if band.millimetres is not None:
        # 1/1000 dioptre times 1/1000 cm
        limits.append(value * band.millimetres)
    if limits:
        yield max(limits)


_BY: Mapping[By, Callable[[LensValues], Thousandths | None]] = {
    By.NOTHING: lambda _: 0,
    By.POWER: lambda target: 10 * strongest(target.power),
    By.POWER_HORIZONTAL: lambda target: abs(power_at(target.power, HALF_TURN)),
    By.POWER_VERTICAL: lambda target: abs(power_at(target.power, HALF_TURN // 2)),
    By.SPHERE: lambda target: 10 * abs(target.power.sphere),
    By.CYLINDER: lambda target: 10 * abs(target.power.cylinder),
    By.ADD: lambda target: None if target.add is None else 10 * abs(target.add),
}


def _judged(rule: Rule, limit: Millionths, compared: _Compared) -> Finding:
    if compared.square is None:
        passed = abs(compared.deviation) * _PER_HUNDREDTH <= limit
    else:
        passed = compared.square * _PER_HUNDREDTH**2 <= limit**2
    return Finding(rule.quantity, compared.target, compared.measured, compared.deviation, limit, passed)


# ── quantities of a lens ──────────────────────────────────────────────────────────────────────────────────────────────


def _plain(target: Hundredths | None, measured: Hundredths | None) -> Iterator[_Compared]:
    if target is not None and measured is not None:
        yield _Compared(target, measured, measured - target)


def _power(target: LensValues, measured: LensValues) -> Iterator[_Compared]:
    wanted, found = minus_form(target.power), minus_form(measured.power)
    meridians = (
        (wanted.sphere, found.sphere),
        (wanted.sphere + wanted.cylinder, found.sphere + found.cylinder),
    )
    highest = strongest(wanted)
    yield max(
        (_Compared(here, there, there - here) for here, there in meridians if abs(here) == highest),
        key=lambda compared: abs(compared.deviation),
    )


def _sphere(target: LensValues, measured: LensValues) -> Iterator[_Compared]:
    form = plus_form if target.power.cylinder > 0 else minus_form
    return _plain(target.power.sphere, form(measured.power).sphere)


def _cylinder(target: LensValues, measured: LensValues) -> Iterator[_Compared]:
    return _plain(minus_form(target.power).cylinder, minus_form(measured.power).cylinder)


def _axis(target: LensValues, measured: LensValues) -> Iterator[_Compared]:
    wanted, found = minus_form(target.power), minus_form(measured.power)
    if wanted.cylinder and found.cylinder:
        way = (found.axis - wanted.axis) % HALF_TURN
        yield _Compared(100 * wanted.axis, 100 * found.axis, 100 * (way if 2 * way <= HALF_TURN else way - HALF_TURN))


def _prism(target: LensValues, measured: LensValues) -> Iterator[_Compared]:
    if target.prism is not None and measured.prism is not None:
        square = (measured.prism.horizontal - target.prism.horizontal) ** 2 + (
            measured.prism.vertical - target.prism.vertical
        ) ** 2
        yield _Compared(_amount(target.prism), _amount(measured.prism), _root_up(square), square)


def _amount(prism: Prism) -> Hundredths:
    return _root_up(prism.horizontal**2 + prism.vertical**2)


def _root_up(square: int) -> int:
    root = math.isqrt(square)
    return root + (root * root < square)


def _horizontal(values: LensValues) -> Hundredths | None:
    return None if values.prism is None else values.prism.horizontal


def _vertical(values: LensValues) -> Hundredths | None:
    return None if values.prism is None else values.prism.vertical


_Of: TypeAlias = Callable[[LensValues], Hundredths | None]


def _each(of: _Of) -> Callable[[LensValues, LensValues], Iterator[_Compared]]:
    """Return the comparison of something that is simply subtracted."""
    return lambda target, measured: _plain(of(target), of(measured))


_OF_LENS: Mapping[Quantity, Callable[[LensValues, LensValues], Iterator[_Compared]]] = {
    Quantity.POWER: _power,
    Quantity.SPHERE: _sphere,
    Quantity.CYLINDER: _cylinder,
    Quantity.AXIS: _axis,
    Quantity.ADD: _each(lambda values: values.add),
    Quantity.PRISM: _prism,
    Quantity.PRISM_HORIZONTAL: _each(_horizontal),
    Quantity.PRISM_VERTICAL: _each(_vertical),
    Quantity.BASE: _each(lambda values: values.base),
    Quantity.CENTRE_THICKNESS: _each(lambda values: values.centre_thickness),
    Quantity.SEGMENT_HEIGHT: _each(lambda values: values.segment_height),
    Quantity.SEGMENT_WIDTH: _each(lambda values: values.segment_width),
    Quantity.SEGMENT_TILT: _each(lambda values: values.segment_tilt),
    Quantity.FITTING_HEIGHT: _each(lambda values: values.fitting_height),
}


# ── quantities of a pair ──────────────────────────────────────────────────────────────────────────────────────────────


def _together(of: _Of, sign: int) -> Callable[[Pair, Pair], Iterator[_Compared]]:
    """Return the comparison of the right lens's value plus (or less) the left one's."""

    def total(pair: Pair) -> Hundredths | None:
        right, left = of(pair.right), of(pair.left)
        return None if right is None or left is None else right + sign * left

    return lambda target, measured: _plain(total(target), total(measured))


_OF_PAIR: Mapping[Quantity, Callable[[Pair, Pair], Iterator[_Compared]]] = {
    Quantity.IMBALANCE_HORIZONTAL: _together(_horizontal, +1),
    Quantity.IMBALANCE_VERTICAL: _together(_vertical, -1),
    Quantity.NEAR_PD: _together(lambda values: values.near_pd, +1),
    Quantity.SEGMENT_HEIGHT_DIFFERENCE: _together(lambda values: values.segment_height, -1),
    Quantity.SEGMENT_WIDTH_DIFFERENCE: _together(lambda values: values.segment_width, -1),
}


# ── profiles from plain data ──────────────────────────────────────────────────────────────────────────────────────────


class ProfileError(ValueError):
    """The data is no profile.

    Attributes:
        field: Where, in the data: ``limits[2].bands[0].up_to``.
    """

    def __init__(self, field: str, problem: str) -> None:
        """Takes the field, and what is wrong with it as the rest of a sentence."""
        super().__init__(f"{field}: {problem}")
        self.field = field


_POWERS = frozenset({By.POWER, By.POWER_HORIZONTAL, By.POWER_VERTICAL})
_PRISMS = frozenset(
    {
        Quantity.PRISM,
        Quantity.PRISM_HORIZONTAL,
        Quantity.PRISM_VERTICAL,
        Quantity.IMBALANCE_HORIZONTAL,
        Quantity.IMBALANCE_VERTICAL,
    }
)
_LIMITS = ("amount", "percent", "millimetres")
_NO_LIMIT = "none"

E = TypeVar("E", bound=StrEnum)


def profile_from(data: Mapping[str, object]) -> Profile:
    """Return the profile that plain data describes. All scalars are text, so that no number is rounded on the way.

    ::

        id: ansi-z80-1-sv
        name: ...
        edition: ...
        types: [single-vision, multifocal]
        limits:
          - quantity: cylinder           # one of `Quantity`
            by: cylinder                 # one of `By`; left out where there is one limit for all
            source: ...
            bands:                       # rising, inclusive; the last one without up_to
              - {up_to: 2.00, amount: 0.13}
              - {percent: 4}             # several at once: the greatest counts; amount: none is no limit
          - {quantity: base, amount: 0.75, source: ...}

    Raises:
        ProfileError: something is missing, unknown, misspelt, off its lattice, out of order or said twice; the first
            such thing, by its field.
    """
    _only(data, "", ("id", "name", "edition", "types", "limits"))
    rules = tuple(_rule(raw, f"limits[{number}]") for number, raw in enumerate(_list(data, "", "limits")))
    seen: set[Quantity] = set()
    for number, rule in enumerate(rules):
        if rule.quantity in seen:
            raise ProfileError(f"limits[{number}].quantity", f"{rule.quantity} is limited by an entry before")
        seen.add(rule.quantity)
    return Profile(
        id=_text(data, "", "id"),
        name=_text(data, "", "name"),
        edition=_text(data, "", "edition"),
        types=tuple(_scalar(each, f"types[{number}]") for number, each in enumerate(_list(data, "", "types"))),
        rules=rules,
    )


def _rule(raw: object, place: str) -> Rule:
    entry = _entry(raw, place)
    _only(entry, place, ("quantity", "by", "source", "bands", *_LIMITS))
    quantity = _one_of(entry, place, "quantity", Quantity)
    by = _one_of(entry, place, "by", By) if "by" in entry else By.NOTHING
    if "bands" in entry:
        if spare := next((name for name in _LIMITS if name in entry), None):
            raise ProfileError(f"{place}.{spare}", "stands beside bands; it belongs into one of them")
        bands = tuple(
            _band(_entry(each, f"{place}.bands[{number}]"), f"{place}.bands[{number}]", quantity, by)
            for number, each in enumerate(_list(entry, place, "bands"))
        )
    else:
        bands = (_band({name: entry[name] for name in _LIMITS if name in entry}, place, quantity, by),)
    _check_order(bands, f"{place}.bands")
    if by is By.NOTHING and len(bands) > 1:
        raise ProfileError(f"{place}.by", f"is missing: what do the bands go by? One of: {', '.join(By)}")
    return Rule(quantity, by, bands, _text(entry, place, "source"))


def _band(entry: Mapping[str, object], place: str, quantity: Quantity, by: By) -> Band:
    _only(entry, place, ("up_to", *_LIMITS))
    if not any(name in entry for name in _LIMITS):
        raise ProfileError(f"{place}.amount", "is missing, and so are percent and millimetres; `none` is no limit")
    if entry.get("amount") == _NO_LIMIT:
        if spare := next((name for name in _LIMITS[1:] if name in entry), None):
            raise ProfileError(f"{place}.{spare}", "stands beside `amount: none`")
        return Band(up_to=_number(entry, place, "up_to", 3))
    if "percent" in entry and by is By.NOTHING:
        raise ProfileError(f"{place}.percent", "of what? `by` is missing")
    if "millimetres" in entry and (by not in _POWERS or quantity not in _PRISMS):
        raise ProfileError(f"{place}.millimetres", "limit a prism, by a power; this is none, or goes by something else")
    return Band(
        up_to=_number(entry, place, "up_to", 3),
        amount=_number(entry, place, "amount", 3),
        percent=_number(entry, place, "percent", 2),
        millimetres=_number(entry, place, "millimetres", 2),
    )


def _check_order(bands: Sequence[Band], place: str) -> None:
    if not bands:
        raise ProfileError(place, "has no band")
    for number, (band, following) in enumerate(zip(bands, (*bands[1:], None), strict=True)):
        if band.up_to is None and following is not None:
            raise ProfileError(f"{place}[{number}].up_to", "is missing; only the last band has no end")
        if band.up_to is not None and following is None:
            raise ProfileError(f"{place}[{number}].up_to", "ends the last band; there has to be a limit beyond it")
    for number, (band, following) in enumerate(pairwise(bands), start=1):
        if band.up_to is not None and following.up_to is not None and following.up_to <= band.up_to:
            raise ProfileError(f"{place}[{number}].up_to", "is not above that of the band before")


def _at(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field


def _only(entry: Mapping[str, object], place: str, known: Sequence[str]) -> None:
    for field in entry:
        if field not in known:
            near = get_close_matches(str(field), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise ProfileError(_at(place, str(field)), f"is no field here; {hint}")


def _entry(raw: object, place: str) -> Mapping[str, object]:
    if not isinstance(raw, Mapping):
        raise ProfileError(place, "is no entry: an entry is a list of `field: value`")
    return raw


def _list(entry: Mapping[str, object], place: str, field: str) -> Sequence[object]:
    value = entry.get(field)
    if not isinstance(value, list) or not value:
        raise ProfileError(_at(place, field), "is missing" if field not in entry else "is no list, or an empty one")
    return value


def _scalar(value: object, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ProfileError(place, "is missing" if value in (None, "") else "is not text; put quotes around it")
    return value.strip()


def _text(entry: Mapping[str, object], place: str, field: str) -> str:
    return _scalar(entry.get(field), _at(place, field))


def _one_of(entry: Mapping[str, object], place: str, field: str, kind: type[E]) -> E:
    text = _text(entry, place, field)
    known = [each.value for each in kind]
    if text not in known:
        near = get_close_matches(text, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it can be: {', '.join(known)}"
        raise ProfileError(_at(place, field), f"there is no {text!r}; {hint}")
    return kind(text)


def _number(entry: Mapping[str, object], place: str, field: str, places: int) -> int | None:
    if field not in entry:
        return None
    text = _text(entry, place, field)
    try:
        value = parse_decimal(text, places)
    except NumberError as error:
        raise ProfileError(_at(place, field), f"{text!r}: {error}") from error
    if value < 0:
        raise ProfileError(_at(place, field), f"{text!r} is negative; limits and bands are amounts")
    return value
