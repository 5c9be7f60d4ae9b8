"""The labels this reader interprets: what each means, its unit, its lattice and the range the trade knows.

A range is what can be made, worn or measured, with room to spare; it is not what a lab accepts, which its own rules
say. Its use is to notice a value that sits under the wrong label or in the wrong unit, such as a binocular distance
under IPD or a radius in millimetres where dioptres belong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from optics.numbers import format_decimal


@dataclass(frozen=True, slots=True)
class Lattice:
    """Which numbers a label takes: integers of 10**-places of the unit, from `low` to `high` inclusive."""

    unit: str
    places: int
    low: int
    high: int

    def __str__(self) -> str:
        low, high = format_decimal(self.low, self.places), format_decimal(self.high, self.places)
        return f"{low} to {high} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Label:
    """How a label is read."""

    meaning: str
    two_sided: bool
    """Its slots are right and left, and a single slot stands for both. Otherwise it has one slot."""
    lattice: Lattice | None = None
    """None: the value is text."""


def _per_eye(meaning: str, *lattice: Lattice) -> Label:
    return Label(meaning, True, *lattice)  # noqa: FBT003 - the function's name says what the flag says


def _per_job(meaning: str, *lattice: Lattice) -> Label:
    return Label(meaning, False, *lattice)  # noqa: FBT003 - as above


# In the order in which they are written.
LABELS: Mapping[str, Label] = {
    # the job
    "REQ": _per_job("request type"),
    "JOB": _per_job("job number"),
    "ACCN": _per_job("account number"),
    "RXNM": _per_job("customer's reference"),
    "CLIENT": _per_job("patient number"),
    "DO": _per_job("eyes to make"),
    # the prescription
    "SPH": _per_eye("sphere", Lattice("D", 2, -40_00, 40_00)),
    "CYL": _per_eye("cylinder", Lattice("D", 2, -15_00, 15_00)),
    "AX": _per_eye("cylinder axis", Lattice("degrees", 0, 0, 180)),
    "ADD": _per_eye("addition", Lattice("D", 2, 0, 6_00)),
    "PRVM": _per_eye("prism", Lattice("prism dioptres", 2, -30_00, 30_00)),
    "PRVA": _per_eye("prism base setting", Lattice("degrees", 2, -360_00, 360_00)),
    # centration
    "IPD": _per_eye("monocular distance PD", Lattice("mm", 2, 10_00, 45_00)),
    "NPD": _per_eye("monocular near PD", Lattice("mm", 2, 10_00, 45_00)),
    "SEGHT": _per_eye("fitting height", Lattice("mm", 2, 2_00, 60_00)),
    "OCHT": _per_eye("optical centre height", Lattice("mm", 2, 2_00, 60_00)),
    # the frame
    "HBOX": _per_eye("box width A", Lattice("mm", 2, 20_00, 90_00)),
    "VBOX": _per_eye("box height B", Lattice("mm", 2, 10_00, 80_00)),
    "FED": _per_eye("effective diameter", Lattice("mm", 2, 20_00, 110_00)),
    "CIRC": _per_eye("circumference", Lattice("mm", 3, 60_000, 300_000)),
    "DBL": _per_job("distance between lenses", Lattice("mm", 2, 1_00, 50_00)),
    "FTYP": _per_job("frame type", Lattice("", 0, 0, 4)),
    "ETYP": _per_job("edge type", Lattice("", 0, -1, 255)),
    "FCRV": _per_eye("frame curve"),
    "ZTILT": _per_eye("wrap angle", Lattice("degrees", 2, -15_00, 45_00)),
    "PANTO": _per_eye("pantoscopic tilt", Lattice("degrees", 2, -30_00, 45_00)),
    "BVD": _per_eye("back vertex distance", Lattice("mm", 2, 1_00, 40_00)),
    # the lens, in the partner's own codes
    "LNAM": _per_eye("lens design"),
    "LMATID": _per_eye("material code"),
    "LMATNAME": _per_eye("material name"),
    "LIND": _per_eye("refractive index"),
    "LTYPE": _per_eye("lens type"),
    "LTYP": _per_eye("lens type, older label"),
    "COLR": _per_eye("colour"),
    "TINT": _per_eye("tint"),
    "ACOAT": _per_eye("coating"),
    "OPC": _per_eye("optical product code"),
}

PATIENT_NAME = "CLNAME"
"""Its presence is noted; its value is never looked at."""

LEFT_RAW: Mapping[str, str] = {
    "FCRV": "dioptres of a tooling index the file need not name",
    "FRNT": "dioptres of the lens's index, dioptres of the tooling index, or a radius in millimetres",
}
"""Labels that are kept as written because their unit cannot be told from the file, with the units seen under them."""
