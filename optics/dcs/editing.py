"""Changing a file that was read: what is changed is rewritten in its place, and everything else stays byte for byte.

Unknown and private labels, the order of the records, spaces, quotes, line ends, blank lines, the frame of a packet:
none of it is touched. `changed` changes single records; `revised` makes a file say another job, and touches only what
the two jobs differ in. A packet's checksum is computed anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from optics.dcs.datasets import gather
from optics.dcs.diagnostics import Notes
from optics.dcs.errors import UnsayableError
from optics.dcs.interpretation import TRACED_SIZES, interpret
from optics.dcs.job import BoxedShape, DcsJob, Eye
from optics.dcs.labels import LABELS
from optics.dcs.packets import FS, with_checksum
from optics.dcs.records import DcsFile, Line, Record, is_absent, parse, reassemble, slot_spans, slots
from optics.dcs.trace_formats import TraceFormat
from optics.dcs.writing import (
    CR_LF,
    MAX_RECORD,
    BinaryEntry,
    Entry,
    TraceKind,
    drill_entries,
    height_entries,
    quoted_field,
    record_bytes,
    said_records,
    thickness_entries,
    trace_entries,
)
from optics.eyes import Side

_PRISM = ("PRVM", "PRVA")


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one record."""

    label: str
    fields: tuple[str | None, ...] | None
    """Its new slots, unquoted; None leaves a slot as it is. Without any slots the record is removed."""
    occurrence: int = 0
    """Which of the records of that label, counted from 0. The reader uses the first."""


def changed(file: DcsFile, changes: Iterable[Change]) -> DcsFile:
    """Return `file` with the changes made.

    A label the file does not have is added after the nearest one that precedes it in the order of the writer, or at
    the end.

    Raises:
        UnsayableError: a value that cannot be said, or a record to remove that is not there.
        NotDcsError: no record is left.
    """
    for change in changes:
        file = _with_lines(file, _one_change(file, change))
    return file


def revised(
    file: DcsFile,
    job: DcsJob,
    *,
    trace_format: TraceFormat = TraceFormat.TEXT,
    trace_kind: TraceKind = TraceKind.FRAME,
) -> DcsFile:
    """Return `file` changed so that it says `job`, in as few records as possible.

    What the job it says now and `job` agree in stays as it is written, odd as it may be. Diagnostics, and whether a
    name stands in the file, are no part of what is said.

    Args:
        file: the file as it was read.
        job: what it shall say, made from ``interpret(file)`` with `dataclasses.replace`.
        trace_format: how the numbers of a new trace or set of heights are written.
        trace_kind: what was traced, of a new trace.

    Raises:
        UnsayableError: it cannot be said in this file.
    """
    before = interpret(file)
    result = changed(file, _changes(file, before, job))
    for side in Side:
        old, new = before.eye(side), job.eye(side)
        if old.trace != new.trace:
            entries = trace_entries(new.trace, trace_format, trace_kind) if new.trace else []
            result = _with_set(result, "TRCFMT", side, entries)
        if old.heights != new.heights:
            entries = height_entries(new.heights, trace_format, trace_kind) if new.heights else []
            result = _with_set(result, "ZFMT", side, entries)
        if old.thicknesses != new.thicknesses:
            entries = thickness_entries(new.thicknesses) if new.thicknesses else []
            result = _with_set(result, "STHKFMT", side, entries)
    if before.drills != job.drills:
        drilled = {record.line for record in result.records if record.label == "DRILLE"}
        result = _with_block(result, drilled, drill_entries(job.drills))
    _check(interpret(result), job)
    return result


def _changes(file: DcsFile, before: DcsJob, job: DcsJob) -> list[Change]:
    """Return the changes of the single records."""
    old = {entry.label: entry.fields for entry in said_records(before)}
    new = {entry.label: entry.fields for entry in said_records(job)}
    turned = [side for side in Side if before.eye(side).prescription.prism != job.eye(side).prescription.prism]
    written = {record.label: record for record in reversed(file.records)}
    found = []
    for name, label in LABELS.items():
        width = 2 if label.two_sided else 1
        was, will = (each.get(name, ("",) * width) for each in (old, new))
        differing = [left != right for left, right in zip(was, will, strict=True)]
        if name in _PRISM:
            differing = [side in turned for side in Side]  # a magnitude means nothing without its setting
        if name in TRACED_SIZES:  # one that the old trace said alone, the new one would say otherwise
            unsaid = [is_absent(text) for text in _texts(written.get(name), width)]
            retraced = [before.eye(side).trace != job.eye(side).trace for side in Side]
            differing = [
                differs or (new_trace and absent)
                for differs, new_trace, absent in zip(differing, retraced, unsaid, strict=True)
            ]
        if not any(differing):
            continue
        if not any(will):
            if name in written:
                found.append(Change(name, None))
            continue
        one_for_both = name not in written or len(slot_spans(written[name].value)) < width
        fields = (text if one_for_both or differs else None for text, differs in zip(will, differing, strict=True))
        found.append(Change(name, tuple(fields)))
    return found


def _texts(record: Record | None, width: int) -> tuple[str, ...]:
    """Return the slots of a two-sided record by side."""
    found = slots(record.value) if record else ("",)
    return (found * width)[:width] if len(found) == 1 else found[:width]


def _check(now: DcsJob, job: DcsJob) -> None:
    """Refuse a file that does not say what it should. A size the job does not know may be said by the trace."""
    sized = replace(now, right=_sized(now.right, job.right), left=_sized(now.left, job.left))
    if replace(sized, diagnostics=(), patient_named=False) == replace(job, diagnostics=(), patient_named=False):
        return
    read, meant = ({entry.label: entry.fields for entry in said_records(each)} for each in (sized, job))
    label = next((name for name in LABELS if read.get(name) != meant.get(name)), "TRCFMT")
    raise UnsayableError(
        f"{label} would not be read as meant, for the file says it in another record, too. Take that out first, or "
        "write the job anew."
    )


def _sized(now: Eye, meant: Eye) -> Eye:
    sizes = {each.name: getattr(now.shape, each.name) for each in fields(BoxedShape)}
    return replace(
        now,
        shape=BoxedShape(
            **{name: None if getattr(meant.shape, name) is None else size for name, size in sizes.items()}
        ),
    )


def _one_change(file: DcsFile, change: Change) -> list[Line]:
    records = [record for record in file.records if record.label == change.label and not record.binary]
    lines = list(file.lines)
    if change.occurrence < len(records):
        record = records[change.occurrence]
        if change.fields is None:
            return _removed(lines, {record.line})
        lines[record.line - 1] = _rewritten(lines[record.line - 1], record, change.fields)
        return lines
    if change.fields is None:
        raise UnsayableError(f"{change.label} is not there to be removed. Leave it as it is.")
    entry = Entry(change.label, tuple(field or "" for field in change.fields))
    return _inserted(lines, _place(file, change.label), [entry])


def _rewritten(line: Line, record: Record, fields: Sequence[str | None]) -> Line:
    """Return the line with the given slots in the place of its own."""
    spans = slot_spans(record.value)
    pieces, written = [], 0
    for index, field in enumerate(fields):
        if index >= len(spans):
            pieces.append(f"{record.value[written:]};{quoted_field(record.label, field or '')}")
            written = len(record.value)
        elif field is not None:
            start, end = spans[index]
            pieces.append(record.value[written:start] + quoted_field(record.label, field))
            written = end
    value = "".join(pieces) + record.value[written:]
    if len(value) > max(MAX_RECORD - len(record.label) - 1, len(record.value)):
        raise UnsayableError(
            f"{record.label} would take {len(record.label) + 1 + len(value)} characters; a record has {MAX_RECORD} at "
            "most. Shorten its value."
        )
    text, encoding = _decoded(line.raw)
    head = text[: len(text) - len(record.value)]
    return replace(line, raw=(head + value).encode(encoding))


def _decoded(raw: bytes) -> tuple[str, str]:
    """Return the text of a line as the reader has it, and the encoding that gives the same bytes back."""
    try:
        return raw.decode(), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("latin-1"), "latin-1"


def _place(file: DcsFile, label: str) -> int:
    """Return after how many lines a new label belongs."""
    order = list(LABELS)
    if label in LABELS:
        earlier = set(order[: order.index(label)])
        places = {record.label: record.line for record in file.records if record.label in earlier}
        if places:
            return places[max(places, key=order.index)]
    return len(file.lines)


def _with_set(file: DcsFile, header: str, side: Side, entries: Sequence[Entry | BinaryEntry]) -> DcsFile:
    """Return `file` with the sets of that kind and side replaced by one."""
    lines = {
        line
        for dataset in gather(file.records, Notes())
        if dataset.header.label == header and dataset.side is side
        for line in dataset.lines
    }
    return _with_block(file, lines, entries)


def _with_block(file: DcsFile, old: set[int], entries: Sequence[Entry | BinaryEntry]) -> DcsFile:
    place = min(old, default=len(file.lines) + 1) - 1
    lines = list(file.lines)
    following = lines[place:]
    kept = [line for number, line in enumerate(following, start=place + 1) if number not in old]
    return _with_lines(file, _inserted([*lines[:place], *kept], place, entries, fallback=file.lines))


def _removed(lines: Sequence[Line], old: set[int]) -> list[Line]:
    return [line for number, line in enumerate(lines, start=1) if number not in old]


def _inserted(
    lines: Sequence[Line],
    place: int,
    entries: Sequence[Entry | BinaryEntry],
    fallback: Sequence[Line] = (),
) -> list[Line]:
    """Return the lines with records after the first `place` of them, ended as the lines around them are."""
    around = [*reversed(lines[:place]), *lines[place:], *fallback]
    ending = next((line.ending for line in around if line.ending), CR_LF)
    new = [Line(record_bytes(entry), ending, isinstance(entry, BinaryEntry)) for entry in entries]
    before = list(lines[:place])
    if new and before and not before[-1].ending:
        before[-1] = replace(before[-1], ending=ending)
    return [*before, *new, *lines[place:]]


def _with_lines(file: DcsFile, lines: Sequence[Line]) -> DcsFile:
    """Return `file` with other lines, read anew, and with its packet's checksum if it has one."""
    draft = replace(file, lines=tuple(lines))
    if file.opening == FS:
        body = reassemble(replace(draft, opening=b"", closing=b""))
        draft = replace(draft, closing=with_checksum(body, file.closing))
    return parse(reassemble(draft))
