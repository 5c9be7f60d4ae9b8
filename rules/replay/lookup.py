"""A decision table over columns: which row answers, for every record at once.

As in the index of a table (`rules.tables`), each value of a column knows the rows whose condition it meets as bits;
here the bits stand in words of 64, one array of words for each 64 rows, and are found by the value's place in its
field.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.expression.columns import Numbers
from rules.expression.view import Kind
from rules.replay.rows import Indices, Seat
from rules.replay.vocabulary import Vocabulary
from rules.tables import Column, Condition, Row, Table, Within

Bits: TypeAlias = NDArray[np.uint64]
"""One row of words for each value, or of one word for each record."""

_WORD = 64
_OTHER = "\0"

NONE = -1
"""Where no row answers."""


class Lookup:
    """A table, ready to be asked about many records.

    Attributes:
        table: The table.
    """

    def __init__(self, table: Table, vocabulary: Vocabulary) -> None:
        self.table = table
        self._words = -(-len(table.rows) // _WORD) or 1
        self._columns = [
            _Asked(column, table.rows, self._words, vocabulary)
            for column in table.columns
            if any(column.name in row.when for row in table.rows)
        ]

    def find(self, seat: Seat, price: Mapping[str, Numbers]) -> Numbers:
        """Returns the number of the row that answers for each record; -1 where none does.

        Args:
            seat: What the table's scope sees, without the noun price.
            price: What the noun price holds, by path.
        """
        count = seat.columns.count
        places = [asked.places(seat, price) for asked in self._columns]
        found = np.full(count, NONE, np.int64)
        for word in reversed(range(self._words)):
            rows = min(_WORD, len(self.table.rows) - word * _WORD)
            bits = np.full(count, (1 << rows) - 1 if rows > 0 else 0, np.uint64)
            for asked, place in zip(self._columns, places, strict=True):
                bits &= asked.bits[word].take(place)
            # the lowest bit less one has as many bits as there are places below it
            lowest = np.bitwise_count((bits & (~bits + np.uint64(1))) - np.uint64(1))
            found = np.where(bits != 0, lowest + np.int64(word * _WORD), found)
        return found


class _Asked:
    """A column of a table: the bits of every value there is, and where a record's value stands among them."""

    def __init__(self, column: Column, rows: Sequence[Row], words: int, vocabulary: Vocabulary) -> None:
        self._column = column
        self._words = words
        self._conditions = [row.when.get(column.name) for row in rows]
        self._sets = 0
        match column.field.kind:
            case Kind.INT:
                self.bits = self._of_numbers(column.field.low or 0, column.field.high or 0)
            case Kind.BOOL:
                self.bits = self._of([False, True])
            case Kind.TEXT:  # the last is found by the code of what no rule names
                self.bits = self._of([*vocabulary.codes, _OTHER])
            case Kind.TEXTS:
                self.bits = self._of([])

    def places(self, seat: Seat, price: Mapping[str, Numbers]) -> Indices:
        """Returns where among the bits each record's value stands."""
        path = self._column.path
        match self._column.field.kind:
            case Kind.INT:
                return seat.view.steps(seat.word(path))
            case Kind.BOOL:
                return seat.truth(path).astype(np.intp)
            case Kind.TEXT:
                codes = price[path] if path in price else seat.columns.texts[path]
                return codes.astype(np.intp)
            case Kind.TEXTS:
                sets, numbers = seat.view.sets(path)
                if len(sets.sets) > self._sets:
                    self.bits = np.concatenate((self.bits, self._of(sets.sets[self._sets :])), axis=1)
                    self._sets = len(sets.sets)
                return numbers

    def _of_numbers(self, low: int, high: int) -> Bits:
        """Returns the bits of every number of a field, and behind them those of none."""
        spans = [span for each in self._conditions if isinstance(each, Within) for span in each.spans]
        ends = {begin for begin, _ in spans if begin is not None} | {end + 1 for _, end in spans if end is not None}
        begins = [low, *sorted(end for end in ends if low < end <= high), high + 1]
        stretches = np.repeat(self._of(begins[:-1]), np.diff(begins), axis=1)
        return np.ascontiguousarray(np.concatenate((stretches, self._of([None])), axis=1))

    def _of(self, values: Sequence[Any]) -> Bits:
        made = np.zeros((len(values), self._words), np.uint64)
        for at, value in enumerate(values):
            made[at] = _in_words(self._conditions, value, self._words)
        return np.ascontiguousarray(made.T)


def _in_words(conditions: Sequence[Condition | None], value: Any, words: int) -> tuple[int, ...]:  # noqa: ANN401 -- as the column holds it
    """Returns the rows that leave a column out or whose condition a value meets."""
    bits = sum(1 << place for place, each in enumerate(conditions) if each is None or each.holds(value))
    mask = (1 << _WORD) - 1
    return tuple(bits >> (_WORD * word) & mask for word in range(words))
