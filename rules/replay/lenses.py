"""What a catalog says of each lens that is ordered, worked out once for all the specs that order it.

Whether a lens is in the catalog, goes together and is available depends on nothing but the lens, and there are far
fewer lenses than orders.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rules.catalog import AVAILABILITY, Catalog, Choice
from rules.plan import PRISM_THINNING
from rules.replay.record import ABSENT, mark_of_stock
from rules.replay.vocabulary import Vocabulary
from rules.spec import Lens
from rules.view import EyeFacts, FrameFacts, LensFacts, OrderFacts, PairFacts

_LENS = np.dtype(
    [
        ("design", np.int64),
        ("type", np.int64),
        ("material", np.int64),
        ("colour", np.int64),
        ("impact", np.int64),
        ("index", np.int64),
        ("coatings", np.int64),
        ("options", np.int64),
        ("known", np.bool_),
        ("made", np.bool_),
        ("wrong", np.bool_),
        ("availability", np.int64),
        ("stock", np.uint64),
    ]
)
"""One lens under one catalog: its texts as codes, its coatings and options as numbers of sets, `known` where design and
material are, `wrong` where it is refused whatever else is ordered but for not being `made`, the row that says whether
it is available (-1: none), and the mark of its blanks."""

_FIRST = 1024


class Sets:
    """The sets of texts that occur, each once and by one number for whoever asks."""

    def __init__(self) -> None:
        self.sets: list[tuple[str, ...]] = []
        """The sets, by number."""
        self._numbers: dict[tuple[str, ...], int] = {}

    def number(self, texts: tuple[str, ...]) -> int:
        """Returns the number of a set."""
        number = self._numbers.setdefault(texts, len(self.sets))
        if number == len(self.sets):
            self.sets.append(texts)
        return number


class Lenses:
    """The lenses that were met, by number, as one catalog sees them.

    Attributes:
        catalog: The catalog.
        coatings: The sets of coatings that occur.
        options: The sets of options that occur.
    """

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary, coatings: Sets, options: Sets) -> None:
        self.catalog = catalog
        self.coatings, self.options = coatings, options
        self._code = vocabulary.code
        self._count = 0
        self._lenses: NDArray[np.void] = np.zeros(_FIRST, _LENS)
        self._rows: dict[tuple[str, str, str], int] = {}

    def add(self, ordered: Lens) -> None:
        """Works out what the catalog says of one more lens, which gets the next number."""
        if self._count == len(self._lenses):
            self._lenses = np.concatenate((self._lenses, np.zeros_like(self._lenses)))
        self._lenses[self._count] = self._looked_at(ordered)
        self._count += 1

    def of(self, name: str, numbers: NDArray[np.intp]) -> NDArray[np.generic]:
        """Returns one thing that is known of the lenses with these numbers."""
        values: NDArray[np.generic] = np.ascontiguousarray(self._lenses[name]).take(numbers)
        return values

    def sees_as(self, other: "Lenses") -> bool:
        """Tells whether expressions and tables see every lens as they do under the other's catalog."""
        return _seen(self.catalog) == _seen(other.catalog)

    def _looked_at(self, ordered: Lens) -> tuple[object, ...]:
        catalog = self.catalog
        design, material = catalog.designs.get(ordered.design), catalog.materials.get(ordered.material)
        colour = ordered.colour if ordered.colour in catalog.colours else ""
        coatings = tuple(dict.fromkeys(each for each in ordered.coatings if each in catalog.coatings))
        options = tuple(dict.fromkeys(each for each in ordered.options if each in catalog.options))
        wrong = (
            design is None
            or material is None
            or colour != ordered.colour
            or not catalog.coatings.keys() >= set(ordered.coatings)
            or not catalog.options.keys() >= set(ordered.options)
            or self._clashes(colour, coatings, options)
        )
        made, row, stock = False, -1, 0
        if design is not None and material is not None:
            of_colour = colour or catalog.plain_colour
            facts = LensFacts(design.id, design.type.value, material.id, of_colour)
            row = self._available(facts)
            made = of_colour in catalog.made.get((design.id, material.id), ())
            if made:
                thinned = PRISM_THINNING in options
                stock = int.from_bytes(mark_of_stock(catalog, design.id, material.id, of_colour, thinned), "little")
        return (
            self._code(design.id if design else ""),
            self._code(design.type.value if design else ""),
            self._code(material.id if material else ""),
            self._code(colour),
            self._code(material.impact if material else ""),
            material.index if material else ABSENT,
            self.coatings.number(coatings),
            self.options.number(options),
            design is not None and material is not None,
            made,
            wrong,
            row,
            stock,
        )

    def _available(self, lens: LensFacts) -> int:
        key = lens.design, lens.material, lens.colour
        if key not in self._rows:
            table = self.catalog.tables[AVAILABILITY]
            nouns = EyeFacts("right"), EyeFacts("left"), PairFacts(), FrameFacts(), lens, OrderFacts()
            found = table.find(nouns)
            self._rows[key] = table.rows.index(found) if found else -1
        return self._rows[key]

    def _clashes(self, colour: str, coatings: Sequence[str], options: Sequence[str]) -> bool:
        catalog = self.catalog
        chosen: list[Choice] = [catalog.colours[colour]] if colour else []
        chosen += [catalog.coatings[each] for each in coatings]
        chosen += [catalog.options[each] for each in options]
        first: dict[str, str] = {}
        return any(each.group and first.setdefault(each.group, each.name) != each.name for each in chosen)


def _seen(catalog: Catalog) -> tuple[object, ...]:
    return (
        {each.id: each.type for each in catalog.designs.values()},
        {each.id: (each.index, each.impact) for each in catalog.materials.values()},
        set(catalog.colours),
        set(catalog.coatings),
        set(catalog.options),
    )
