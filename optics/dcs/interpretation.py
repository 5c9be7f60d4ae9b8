"""From records to a job: what the checked values and traces say together."""

import re
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import NamedTuple

from optics.dcs.diagnostics import Notes, quoted
from optics.dcs.drilling import read_drills
from optics.dcs.job import (
    BoxedShape,
    Centration,
    DcsJob,
    EdgeType,
    Eye,
    EyesToMake,
    Frame,
    FrameType,
    LensCodes,
    PositionOfWear,
    Prescription,
)
from optics.dcs.labels import PATIENT_NAME
from optics.dcs.records import DcsFile, Record, is_absent, slots
from optics.dcs.traces import LocatedTrace, Traced, read_traces
from optics.dcs.values import Values, read_values
from optics.eyes import Side
from optics.numbers import Thousandths, format_decimal, to_hundredths
from optics.prism import Prism, prism_from_base_setting
from optics.trace import FULL_TURN, Boxing

SIZE_TOLERANCE: Thousandths = 100
"""How far a stated box or circumference may be from the traced one: real files agree within 0.07 mm."""

# Digits, with a prefix of a few letters at most: what a practice system gives a patient as a number.
PATIENT_NUMBER = re.compile(r"[A-Za-z]{0,3}[-./]?[0-9][0-9./-]*")

# Five digits of the manufacturer, four of the item, and a check digit.
_PRODUCT_CODE = re.compile(r"[0-9]{10}")

_HUNDREDTHS, _THOUSANDTHS = 2, 3


class _TracedSize(NamedTuple):
    """How a size is taken from a trace when the file does not state it."""

    measured: Callable[[Boxing], Thousandths]
    places: int
    compared: bool
    """Whether a stated size must agree. An effective diameter need not: files do not say about which centre it is."""


TRACED_SIZES: Mapping[str, _TracedSize] = {
    "HBOX": _TracedSize(attrgetter("a"), _HUNDREDTHS, compared=True),
    "VBOX": _TracedSize(attrgetter("b"), _HUNDREDTHS, compared=True),
    "FED": _TracedSize(attrgetter("ed_about_box"), _HUNDREDTHS, compared=False),
    "CIRC": _TracedSize(attrgetter("circumference"), _THOUSANDTHS, compared=True),
}
"""The sizes that are taken from a trace where a file does not state them."""


def interpret(file: DcsFile) -> DcsJob:
    """Return the job `file` describes, with a diagnostic for everything that was odd.

    Raises:
        TooLargeError: more traces, or more radii in one of them, than any job has.
    """
    notes = Notes()
    _note_stray_lines(file, notes)
    values = read_values(file.records, notes)
    traced = read_traces(file.records, notes)
    _note_odd_products(values, notes)
    patient_number, client_is_name = _patient(values, notes)
    return DcsJob(
        job_id=values.text("JOB"),
        account=values.text("ACCN"),
        customer_reference=values.text("RXNM"),
        patient_number=patient_number,
        patient_named=client_is_name or any(_has_patient_name(record) for record in file.records),
        request=values.text("REQ"),
        eyes_to_make=_eyes_to_make(values, notes),
        right=_eye(Side.RIGHT, values, traced, notes),
        left=_eye(Side.LEFT, values, traced, notes),
        frame=_frame(values, notes),
        drills=read_drills(file.records, notes),
        diagnostics=notes.in_order(),
    )


def _note_stray_lines(file: DcsFile, notes: Notes) -> None:
    with_records = {record.line for record in file.records}
    strays = [
        number for number, line in enumerate(file.lines, start=1) if number not in with_records and line.raw.strip()
    ]
    if strays:
        notes.warn(
            "",
            strays[0],
            f"The line is not of the form LABEL=VALUE, {len(strays)} such in all; they are kept and not interpreted.",
        )


def _has_patient_name(record: Record) -> bool:
    return record.label == PATIENT_NAME and not all(is_absent(slot) for slot in slots(record.value))


def _patient(values: Values, notes: Notes) -> tuple[str | None, bool]:
    """Return the patient's number, and whether a name stands in its place."""
    client = values.text("CLIENT")
    if client is None or PATIENT_NUMBER.fullmatch(client):
        return client, False
    notes.warn(
        "CLIENT", values.lines["CLIENT"], "CLIENT is not a number; it is taken for a patient's name and not carried on."
    )
    return None, True


def _note_odd_products(values: Values, notes: Notes) -> None:
    codes = {values.text("OPC", side) for side in Side} - {None}
    if odd := sorted(code for code in codes if code and not _PRODUCT_CODE.fullmatch(code)):
        notes.info(
            "OPC",
            values.lines["OPC"],
            f"OPC is {quoted(odd[0])}, not the ten digits of an optical product code; left as written.",
        )


def _eyes_to_make(values: Values, notes: Notes) -> EyesToMake | None:
    text = values.text("DO")
    if text is None:
        return None
    if text in set(EyesToMake):
        return EyesToMake(text)
    notes.error(
        "DO", values.lines["DO"], f"DO (eyes to make) is {quoted(text)}, not one of B, R, L and N: it is not known."
    )
    return None


def _frame(values: Values, notes: Notes) -> Frame:
    frame_type = values.number("FTYP")
    return Frame(
        dbl=values.number("DBL"),
        frame_type=None if frame_type is None else FrameType(frame_type),
        edge_type=_edge_type(values, notes),
    )


def _edge_type(values: Values, notes: Notes) -> EdgeType | None:
    code = values.number("ETYP")
    if code is None:
        return None
    if code in set(EdgeType):
        return EdgeType(code)
    notes.info("ETYP", values.lines["ETYP"], f"ETYP={code} is a reserved or a vendor's own code; left as written.")
    return None


def _eye(side: Side, values: Values, traced: Traced, notes: Notes) -> Eye:
    trace = traced.traces.get(side)
    return Eye(
        prescription=_prescription(side, values, notes),
        centration=_centration(side, values),
        shape=_shape(side, values, trace, notes),
        position_of_wear=PositionOfWear(
            wrap=values.number("ZTILT", side),
            pantoscopic_tilt=values.number("PANTO", side),
            vertex_distance=values.number("BVD", side),
        ),
        lens=_lens(side, values),
        frame_curve_raw=values.text("FCRV", side),
        trace=None if trace is None else trace.trace,
        heights=traced.heights.get(side),
        thicknesses=traced.thicknesses.get(side),
    )


def _prescription(side: Side, values: Values, notes: Notes) -> Prescription:
    axis = values.number("AX", side)
    return Prescription(
        sphere=values.number("SPH", side),
        cylinder=values.number("CYL", side),
        axis=180 if axis == 0 else axis,
        add=values.number("ADD", side),
        prism=_prism(side, values, notes),
    )


def _prism(side: Side, values: Values, notes: Notes) -> Prism | None:
    magnitude, setting = values.number("PRVM", side), values.number("PRVA", side)
    if magnitude is None:
        return None
    if magnitude == 0:
        return Prism(0, 0)
    line = values.lines["PRVM"]
    if setting is None:
        notes.error("PRVM", line, f"PRVM of {side.words} has no base setting (PRVA). It is treated as absent.")
        return None
    if magnitude < 0:
        notes.warn("PRVM", line, f"PRVM of {side.words} is negative; its base is taken as PRVA says, not turned round.")
    if setting < 0:
        notes.warn(
            "PRVA",
            values.lines["PRVA"],
            f"PRVA of {side.words} is {format_decimal(setting, 2)} degrees; read as "
            f"{format_decimal(setting % FULL_TURN, 2)}.",
        )
    return prism_from_base_setting(side, abs(magnitude), setting % FULL_TURN)


def _centration(side: Side, values: Values) -> Centration:
    label = next((label for label in ("SEGHT", "OCHT") if values.number(label, side) is not None), None)
    return Centration(
        distance_pd=values.number("IPD", side),
        near_pd=values.number("NPD", side),
        fitting_height=None if label is None else values.number(label, side),
        fitting_height_label=label,
    )


def _lens(side: Side, values: Values) -> LensCodes:
    return LensCodes(
        design=values.text("LNAM", side),
        material=values.text("LMATID", side),
        material_name=values.text("LMATNAME", side),
        refractive_index=values.text("LIND", side),
        lens_type=values.text("LTYPE", side) or values.text("LTYP", side),
        colour=values.text("COLR", side),
        tint=values.text("TINT", side),
        coating=values.text("ACOAT", side),
        product=values.text("OPC", side),
    )


def _shape(side: Side, values: Values, traced: LocatedTrace | None, notes: Notes) -> BoxedShape:
    sizes = {
        label: values.number(label, side) if traced is None else _checked_size(label, side, values, traced, notes)
        for label in TRACED_SIZES
    }
    return BoxedShape(sizes["HBOX"], sizes["VBOX"], sizes["FED"], sizes["CIRC"])


def _checked_size(label: str, side: Side, values: Values, traced: LocatedTrace, notes: Notes) -> int:
    """Return the stated size if there is one, held against the trace; otherwise the traced one, on the same lattice."""
    size = TRACED_SIZES[label]
    measured = size.measured(traced.boxing)
    stated = values.number(label, side)
    if stated is None:
        value = to_hundredths(measured) if size.places == _HUNDREDTHS else measured
        notes.info(
            label,
            traced.line,
            f"{label} of {side.words} is taken from its trace in line {traced.line}: "
            f"{format_decimal(value, size.places)} mm.",
        )
        return value
    difference = abs(stated * 10 ** (_THOUSANDTHS - size.places) - measured)
    if size.compared and difference > SIZE_TOLERANCE:
        notes.warn(
            label,
            values.lines[label],
            f"{label} of {side.words} is {format_decimal(stated, size.places)} mm and its trace measures "
            f"{format_decimal(measured, _THOUSANDTHS)} mm; the stated value is used.",
        )
    return stated
