"""The texts that some catalogs can name, as codes; any other text is one that no rule tells from another."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from optics.eyes import Side
from rules.catalog import Catalog
from rules.expression.columns import Numbers
from rules.expression.tree import Text, walk
from rules.replay.record import EDGES, EYES, MATERIALS, mark
from rules.tables import OneOf, SomeOf
from rules.view import SIDE_NAMES, DesignType

Marks = NDArray[np.uint64]

UNKNOWN = -1
"""The code of a text that no rule names."""

_UNKNOWN_TEXT = "\0"


class Vocabulary:
    """The texts of some catalogs.

    Attributes:
        codes: The code of each text; the empty one has 0.
    """

    def __init__(self, catalogs: Sequence[Catalog]) -> None:
        """Collects them.

        Raises:
            ValueError: Two texts have one mark, and records could not be told apart by it.
        """
        texts = dict.fromkeys(("", *(text for catalog in catalogs for text in _texts(catalog))))
        self.codes = {text: code for code, text in enumerate(texts)}
        self._texts = {int.from_bytes(mark(text), "little"): text for text in texts}
        if len(self._texts) < len(texts):
            raise ValueError("two texts of the catalogs have one mark of 64 bits; rename one of their entries")
        marks = np.array(list(self._texts), np.uint64)
        order = np.argsort(marks)
        self._marks = marks[order]
        self._codes = np.array([self.codes[text] for text in self._texts.values()], np.int64)[order]

    def code(self, text: str) -> int:
        """Returns the code of a text that the catalogs have."""
        return self.codes[text]

    def text(self, of: int) -> str:
        """Returns the text of a mark; for any that no rule names, one that no catalog has."""
        return self._texts.get(of, _UNKNOWN_TEXT)

    def of(self, marks: Marks) -> Numbers:
        """Returns the codes of many marks; -1 for those of texts that no rule names."""
        found = np.minimum(np.searchsorted(self._marks, marks), len(self._marks) - 1)
        return np.where(self._marks[found] == marks, self._codes[found], UNKNOWN)


def _texts(catalog: Catalog) -> Iterator[str]:
    for values in (EYES, MATERIALS, EDGES, tuple(DesignType)):
        yield from (each.value for each in values)
    yield from (SIDE_NAMES[side] for side in Side)
    for entries in (catalog.designs, catalog.materials, catalog.colours, catalog.coatings, catalog.options):
        yield from entries
    yield from catalog.blanks
    yield from (material.impact for material in catalog.materials.values())
    for constraint in catalog.constraints:
        if constraint.checked is not None:
            yield from (node.value for node in walk(constraint.checked.root) if isinstance(node, Text))
    for table in catalog.tables.values():
        for row in table.rows:
            for condition in row.when.values():
                if isinstance(condition, OneOf | SomeOf):
                    yield from condition.values
            yield from (value for value in row.then.values() if isinstance(value, str))
