"""Many records as columns: what expressions and tables ask about, laid out when it is asked for.

`Batch` holds records, `View` what a catalog sees in them, `Seat` a scope's part of that for one eye or the pair. The
columns are those of `rules.expression.columns`, with one thing told beside them: whether a record has numbers beyond
the bounds of their fields, on which the proofs of an expression stand (a shape traced near the largest box has a larger
ED than any that may be given). Such a record is decided by itself.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from optics.eyes import Side
from rules.decision import ENGINE
from rules.expression.columns import Columns, Mask, Numbers
from rules.expression.view import Field, Scope
from rules.replay.lenses import Lenses, Sets
from rules.replay.record import (
    ABSENT,
    COATINGS,
    EDGES,
    EYES,
    LAYOUT,
    MARKS,
    MATERIALS,
    OF_EYE,
    OF_FRAME,
    OF_PAIR,
    OF_PLAN,
    OPTIONS,
    RECORD,
    SIDES,
    WORDS,
)
from rules.replay.vocabulary import Marks, Vocabulary
from rules.spec import Lens
from rules.view import SIDE_NAMES, SUBJECTS

V = TypeVar("V")

Indices = NDArray[np.intp]

_WORD = {name: at for at, name in enumerate(WORDS)}
_MARK = {name: at for at, name in enumerate(MARKS)}
_MOST_LENSES = 1 << 17


def _bounded() -> dict[str, Field]:
    fields = {f"{side.value}.eye.{each.name}": each for side in Side for each in OF_EYE}
    fields |= {f"{side.value}.plan.{each.name}": each for side in Side for each in OF_PLAN}
    fields |= {f"frame.{each.name}": each for each in OF_FRAME}
    return fields | {f"pair.{each.name}": each for each in OF_PAIR}


_BOUNDED = _bounded()
_LOW = np.array([_BOUNDED[name].low if name in _BOUNDED else ABSENT for name in WORDS], np.int32)
_HIGH = np.array([_BOUNDED[name].high if name in _BOUNDED else -(ABSENT + 1) for name in WORDS], np.int32)
_INDEX = SUBJECTS["lens"].terms["index"].field


class Orders:
    """The lenses that were met, by number: one numbering for the catalogs that look at them.

    Where there are more than memory should hold, it forgets them all and begins again.
    """

    def __init__(
        self, catalogs: Sequence[Lenses], vocabulary: Vocabulary, anew: Callable[[], Sequence[Lenses]]
    ) -> None:
        self.catalogs = catalogs
        self._vocabulary = vocabulary
        self._anew = anew
        self._numbers: dict[int, int] = {}
        self._checks: list[int] = []

    def number(self, batch: "Batch") -> tuple[Indices, Mask]:
        """Returns the number of each record's lens, and of which records it is not (two lenses with one mark)."""
        keys, first, inverse = np.unique(batch.mark("lens"), return_index=True, return_inverse=True)
        if len(self._numbers) + len(keys) > _MOST_LENSES:
            self.catalogs, self._numbers, self._checks = self._anew(), {}, []
        checks = batch.mark("lens.check")
        numbers = np.empty(len(keys), np.intp)
        for at, (key, row) in enumerate(zip(keys.tolist(), first.tolist(), strict=True)):
            number = self._numbers.get(key)
            if number is None:
                number = self._numbers[key] = len(self._numbers)
                self._checks.append(int(checks[row]))
                ordered = self._ordered(batch, row)
                for catalog in self.catalogs:
                    catalog.add(ordered)
            numbers[at] = number
        expected = np.array([self._checks[number] for number in numbers.tolist()], np.uint64)
        return numbers[inverse], expected[inverse] != checks

    def _ordered(self, batch: "Batch", row: int) -> Lens:
        def text(name: str) -> str:
            return self._vocabulary.text(int(batch.mark(name)[row]))

        coatings, options = (int(batch.word(name)[row]) for name in ("coatings", "options"))
        return Lens(
            design=text("design"),
            material=text("material"),
            colour=text("colour"),
            coatings=tuple(text(f"coating.{at}") for at in range(min(coatings, COATINGS))),
            options=tuple(text(f"option.{at}") for at in range(min(options, OPTIONS))),
        )


class Batch:
    """Some records.

    Attributes:
        count: How many.
        unread: Those that have to be decided by themselves whatever is asked: they say nothing, were made by another
            engine, or have numbers beyond the bounds of their fields.
    """

    def __init__(self, records: bytes) -> None:
        """Lays out records, one behind the other.

        Raises:
            ValueError: The bytes are no whole number of records.
        """
        if len(records) % RECORD.itemsize:
            raise ValueError(f"{len(records)} bytes are no whole number of records of {RECORD.itemsize}")
        rows = np.frombuffer(records, RECORD)
        self.count = len(rows)
        self._words = np.ascontiguousarray(rows["words"].T)
        self._marks = np.ascontiguousarray(rows["marks"].T)
        self.unread: Mask = (self.word("layout") != LAYOUT) | (self.word("engine") != int(ENGINE)) | self._beyond()

    def word(self, name: str) -> NDArray[np.int32]:
        """Returns a word of every record."""
        word: NDArray[np.int32] = self._words[_WORD[name]]
        return word

    def mark(self, name: str) -> Marks:
        """Returns a mark of every record."""
        mark: Marks = self._marks[_MARK[name]]
        return mark

    def made(self, side: Side) -> Mask:
        """Returns the records in which a lens is made for a side."""
        made: Mask = (self.word("sides") & SIDES[side]) != 0
        return made

    def _beyond(self) -> Mask:
        words = self._words
        beyond = (words < _LOW[:, None]) & (words != ABSENT)
        beyond |= words > _HIGH[:, None]
        found: Mask = beyond.any(axis=0)
        return found


class _Laid(dict[str, V], Generic[V]):
    """Columns by path, each laid out when it is first asked for."""

    def __init__(self, lay: Callable[[str], V]) -> None:
        super().__init__()
        self._lay = lay

    def __missing__(self, path: str) -> V:
        value = self[path] = self._lay(path)
        return value


class _Members(dict[str, Mask]):
    """For texts that occur, the rows that have them."""

    def __init__(self, sets: Sets, numbers: Indices) -> None:
        super().__init__()
        self._sets = sets
        self._numbers = numbers

    def get(self, text: str, default: object = None) -> Mask:
        del default
        if text not in self:
            has = np.fromiter((text in each for each in self._sets.sets), np.bool_, len(self._sets.sets))
            self[text] = has.take(self._numbers)
        return self[text]


class View:
    """What a catalog sees in some records.

    Attributes:
        batch: The records.
        lenses: What the catalog says of lenses.
        numbers: The number of each record's lens.
        vocabulary: The texts.
        known: Whatever was worked out of the view already, by what it is.
    """

    def __init__(self, batch: Batch, lenses: Lenses, numbers: Indices, vocabulary: Vocabulary) -> None:
        self.batch = batch
        self.lenses = lenses
        self.numbers = numbers
        self.vocabulary = vocabulary
        self.known: dict[object, NDArray[np.generic]] = {}
        self._filled: _Laid[Numbers] = _Laid(self._fill)
        self._there: _Laid[Mask] = _Laid(lambda word: self._raw(word) != ABSENT)
        self._steps: _Laid[Indices] = _Laid(self._step)
        self._texts: _Laid[Numbers] = _Laid(self._text)
        self._seats: dict[tuple[str, Side | None], Seat] = {}

    def seat(self, scope: Scope, side: Side | None) -> "Seat":
        """Returns a scope's part of it, for one eye or the pair."""
        key = scope.name, side
        if key not in self._seats:
            self._seats[key] = Seat(self, side)
        return self._seats[key]

    def lens(self, name: str) -> NDArray[np.generic]:
        """Returns one thing that the catalog says of each record's lens."""
        key = "lens", name
        if key not in self.known:
            self.known[key] = self.lenses.of(name, self.numbers)
        return self.known[key]

    def sets(self, path: str) -> tuple[Sets, Indices]:
        """Returns the sets of texts of a field, and the number of each record's."""
        name = path.partition(".")[2]
        sets: Sets = getattr(self.lenses, name)
        return sets, self.lens(name).astype(np.intp)

    def numbers_of(self, word: str) -> Numbers:
        """Returns a number of each record; an absent one as the number within its bounds that is nearest to nothing."""
        return self._filled[word]

    def there(self, word: str) -> Mask:
        """Returns in which records a number is there."""
        return self._there[word]

    def steps(self, word: str) -> Indices:
        """Returns a number of each record as steps above the least it can be; one step beyond the most for none."""
        return self._steps[word]

    def text(self, path: str) -> Numbers:
        """Returns a text of each record, as its code."""
        return self._texts[path]

    def _raw(self, word: str) -> NDArray[np.generic]:
        return self.lens("index") if word == "lens.index" else self.batch.word(word)

    def _fill(self, word: str) -> Numbers:
        low, high = bounds(word)
        return np.where(self._there[word], self._raw(word), min(max(0, low), high)).astype(np.int64)

    def _step(self, word: str) -> Indices:
        low, high = bounds(word)
        steps = np.clip(self._filled[word] - low, 0, high - low).astype(np.intp)
        steps[~self._there[word]] = high - low + 1
        return steps

    def _text(self, path: str) -> Numbers:
        noun, _, name = path.rpartition(".")
        batch = self.batch
        match noun:
            case "lens":
                return self.lens(name).astype(np.int64)
            case "order" if name == "account":
                return self.vocabulary.of(batch.mark("account"))
            case "order":
                return self._coded(batch.word("eyes"), [each.value for each in EYES])
            case "frame" if name == "material":
                return self._coded(batch.word("material"), [each.value for each in MATERIALS])
            case "frame":
                return self._coded(batch.word("edge_type"), [each.value for each in EDGES])
            case _:
                return self.vocabulary.of(batch.mark(path))

    def _coded(self, numbers: NDArray[np.int32], values: Iterable[str]) -> Numbers:
        codes = np.array([self.vocabulary.code(each) for each in values], np.int64)
        return codes.take(numbers, mode="clip")


def bounds(word: str) -> tuple[int, int]:
    """Returns between which numbers a word lies."""
    field = _INDEX if word == "lens.index" else _BOUNDED[word]
    return field.low or 0, field.high or 0


class Seat:
    """A scope's part of a view, for one eye or the pair.

    Attributes:
        view: The view.
        columns: The same as columns for expressions.
    """

    def __init__(self, view: View, side: Side | None) -> None:
        self.view = view
        self._side = side
        self.columns = Columns(
            count=view.batch.count,
            numbers=_Laid(lambda path: view.numbers_of(self.word(path))),
            truths=_Laid(self.truth),
            texts=_Laid(self.text),
            vocabulary=view.vocabulary.codes,
            members=_Laid(lambda path: _Members(*view.sets(path))),
            sizes=_Laid(self._sizes),
            present=_Laid(lambda path: view.there(self.word(path))),
        )

    def word(self, path: str) -> str:
        """Returns the word of a number."""
        noun, _, name = path.partition(".")
        match noun:
            case "eye" | "plan" if self._side:
                return f"{self._side.value}.{noun}.{name}"
            case "right":
                return f"{Side.RIGHT.value}.eye.{name}"
            case "left":
                return f"{Side.LEFT.value}.eye.{name}"
            case _:
                return path

    def truth(self, path: str) -> Mask:
        """Returns a yes-or-no of each record."""
        side = self._side.value if self._side else ""
        truth: Mask = self.view.batch.word("traced" if path == "frame.traced" else f"{side}.finished") != 0
        return truth

    def text(self, path: str) -> Numbers:
        """Returns a text of each record, as its code."""
        noun, _, name = path.partition(".")
        side = self._side.value if self._side else ""
        match noun, name:
            case "eye", "side":
                return self._all(SIDE_NAMES[self._side] if self._side else "")
            case (("right" | "left"), "side"):
                return self._all_of_pair(noun)
            case "plan", _:
                return self.view.text(f"{side}.{name}")
            case _:
                return self.view.text(path)

    def _all(self, text: str) -> Numbers:
        return np.full(self.view.batch.count, self.view.vocabulary.code(text), np.int64)

    def _all_of_pair(self, noun: str) -> Numbers:
        """Returns the side of an eye of the pair: its name; of one that no lens is made for, nothing."""
        side = Side.RIGHT if noun == "right" else Side.LEFT
        return np.where(self.view.batch.made(side), self._all(noun), self._all(""))

    def _sizes(self, path: str) -> Numbers:
        sets, numbers = self.view.sets(path)
        return np.fromiter(map(len, sets.sets), np.int64, len(sets.sets)).take(numbers)
