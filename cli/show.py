"""Orders on a terminal, in the words and the notation of opticians."""

from collections.abc import Iterable, Sequence

from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.rule_service_pb2 import FileDiagnostic
from lensmesh.order.v1.account_pb2 import Account
from lensmesh.order.v1.order_pb2 import Order
from lensmesh.order.v1.order_service_pb2 import ImportDiagnostic
from lensmesh.type.v1.frame_pb2 import EdgeType, Frame, FrameMaterial
from lensmesh.type.v1.lens_pb2 import LensSpec
from lensmesh.type.v1.money_pb2 import Money
from lensmesh.type.v1.prescription_pb2 import EyePrescription, Eyes, Prescription, Side
from lensmesh.type.v1.quote_pb2 import Price, Quote, QuotedLens
from lensmesh.type.v1.violation_pb2 import (
    SEVERITY_ERROR,
    SEVERITY_INFO,
    SEVERITY_UNSPECIFIED,
    SEVERITY_WARNING,
    Severity,
    Violation,
)
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import wording
from cli.errors import RefusedError
from cli.terminal import date, day, indented, minus, put, table

_SEVERITIES: dict[Severity.ValueType, tuple[str, str]] = {
    SEVERITY_UNSPECIFIED: ("note", "dim"),
    SEVERITY_INFO: ("note", "dim"),
    SEVERITY_WARNING: ("warning", "yellow"),
    SEVERITY_ERROR: ("error", "red"),
}
_STATES = {
    Order.STATE_SHIPPED: "bold green",
    Order.STATE_RECEIVED: "green",
    Order.STATE_DISPENSED: "green",
    Order.STATE_ON_HOLD: "yellow",
    Order.STATE_NEEDS_ATTENTION: "bold red",
    Order.STATE_CANCELLED: "red",
}
_EYES = {
    Eyes.EYES_UNSPECIFIED: "not said which",
    Eyes.EYES_BOTH: "the pair",
    Eyes.EYES_RIGHT: "the right lens alone",
    Eyes.EYES_LEFT: "the left lens alone",
}
_FRAME_MATERIALS = {
    FrameMaterial.FRAME_MATERIAL_PLASTIC: "plastic",
    FrameMaterial.FRAME_MATERIAL_METAL: "metal",
    FrameMaterial.FRAME_MATERIAL_RIMLESS: "rimless",
    FrameMaterial.FRAME_MATERIAL_OPTYL: "Optyl",
}
_EDGES = {
    EdgeType.EDGE_TYPE_UNCUT: "uncut",
    EdgeType.EDGE_TYPE_BEVEL: "bevel",
    EdgeType.EDGE_TYPE_RIMLESS: "flat edge",
    EdgeType.EDGE_TYPE_GROOVE: "groove",
    EdgeType.EDGE_TYPE_MINI_BEVEL: "mini bevel",
}
_HEADINGS: dict[Severity.ValueType, str] = {
    SEVERITY_ERROR: "The lab objects:",
    SEVERITY_WARNING: "The lab can make it; look again:",
}
"""What stands over what the lab says, by the worst of it; beneath these it is only a note."""
_SIDES = {Side.SIDE_RIGHT: "Right (OD)", Side.SIDE_LEFT: "Left (OS)"}
_ABSENT = "\N{EN DASH}"
_WIDE = 100


# ── one order ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def order(console: Console, shown: Order) -> None:
    """Print an order: what it is, both eyes, frame, lens, price, what the lab objects to and what people said."""
    put(console, _facts(shown))
    ordered(console, shown)
    quote(console, shown.quote)
    violations(console, shown.violations)
    for note in shown.notes:
        console.print(f"\n{date(note.create_time)}, {note.author}:", style="bold")
        put(console, indented(Text(note.text)))


def ordered(console: Console, shown: Order | JobSpec) -> None:
    """Print what is ordered: both eyes, frame and lens."""
    console.print()
    put(console, _eyes(console, shown.prescription))
    console.print()
    facts = table()
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    sections: dict[str, Iterable[str | Text]] = {
        "Frame": _frame(console, shown.frame),
        "Lens": _lens(shown.lens),
    }
    for heading, lines in sections.items():
        for number, line in enumerate(lines):
            facts.add_row("" if number else heading, line)
    put(console, facts)


def state(shown: Order.State.ValueType) -> Text:
    """A state as the contract calls it, in its colour."""
    return Text(Order.State.Name(shown).removeprefix("STATE_"), style=_STATES.get(shown, "cyan"))


def _facts(shown: Order) -> Table:
    facts = table()
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("Order", shown.name)
    facts.add_row("State", _joined(state(shown.state), Text(shown.lab_status)))
    references = {"": shown.customer_reference, "patient ": shown.patient_reference}
    if any(references.values()):
        facts.add_row("Reference", " · ".join(f"{what}{value}" for what, value in references.items() if value))
    if shown.account:
        facts.add_row("Account", shown.account)
    if shown.job:
        facts.add_row("Job", f"{shown.job} · catalog revision {shown.catalog_revision}")
    facts.add_row("Lenses", _EYES.get(shown.eyes, ""))
    return facts


def _joined(*parts: Text) -> Text:
    return Text(" · ").join(part for part in parts if part)


def _eyes(console: Console, shown: Prescription) -> Table:
    eyes = (("Right (OD)", shown.right), ("Left (OS)", shown.left))
    prism = any(eye.HasField("prism_horizontal") or eye.HasField("prism_vertical") for _, eye in eyes)
    rows = table("")
    rows.columns[0].style = "bold"
    headings = ["sphere", "cylinder", "axis", "add", *(["prism"] if prism else []), "PD far", "PD near", "height"]
    for heading in headings:
        rows.add_column(heading, justify="right", no_wrap=True)
    for name, eye in eyes:
        cells = [
            _power(eye, "sphere"),
            _power(eye, "cylinder"),
            f"{eye.axis}°" if eye.HasField("axis") else _ABSENT,
            _power(eye, "add"),
            *([_prism(eye)] if prism else []),
            *(_number(eye, field) for field in ("distance_pd", "near_pd", "fitting_height")),
        ]
        rows.add_row(name, *(minus(console, cell) for cell in cells))
    return rows


def _power(eye: EyePrescription, field: str) -> str:
    value = getattr(eye, field)
    return (f"{value:+.2f}" if value else "0.00") if eye.HasField(field) else _ABSENT  # type: ignore[arg-type]


def _number(message: EyePrescription | Frame, field: str) -> str:
    return f"{getattr(message, field):.2f}" if message.HasField(field) else _ABSENT  # type: ignore[arg-type]


def _prism(eye: EyePrescription) -> str:
    """Prism by its base, as opticians say it: `1.50 in`, `0.75 down`."""
    parts = (
        (eye.prism_horizontal, "in" if eye.prism_horizontal > 0 else "out"),
        (eye.prism_vertical, "up" if eye.prism_vertical > 0 else "down"),
    )
    return "\n".join(f"{abs(size):.2f} {base}" for size, base in parts if size) or _ABSENT


def _frame(console: Console, shown: Frame) -> Iterable[str]:
    size = {"A": "a", "B": "b", "DBL": "dbl", "ED": "ed"}
    yield "  ".join(f"{name} {_number(shown, field)}" for name, field in size.items()) + "  (mm)"
    kind = (_FRAME_MATERIALS.get(shown.material), _EDGES.get(shown.edge_type))
    fit = [
        minus(console, f"{name} {_number(shown, field)}{unit}")
        for name, field, unit in (("wrap", "wrap", "°"), ("panto", "panto", "°"), ("vertex", "vertex", " mm"))
        if shown.HasField(field)  # type: ignore[arg-type]
    ]
    if told := ", ".join(filter(None, (*kind, *fit))):
        yield told
    right, left = len(shown.trace.right.radii), len(shown.trace.left.radii)
    yield f"traced: {right} points right, {left} left" if right or left else "not traced"


def _lens(shown: LensSpec) -> Iterable[Text]:
    line = Text()
    for name, value in (("design", shown.design), ("material", shown.material), ("colour", shown.colour)):
        line.append(f"{name} ").append(value or "not chosen", style="" if value else "yellow").append("  ")
    yield line
    for several, ids in (("coatings", shown.coatings), ("options", shown.options)):
        if ids:
            yield Text(f"{several} {', '.join(ids)}")


# ── what it costs, and how it comes out ───────────────────────────────────────────────────────────────────────────────


def quote(console: Console, shown: Quote) -> None:
    """Print what the lab asks, line by line, how long it takes and how the lenses come out; nothing of an empty one."""
    if shown.HasField("price"):
        price = shown.price
        console.print(f"\nPrice  {_money(price.total)}", style="bold", end="")
        console.print(f" by the list {price.list}", end="")
        console.print(f", {_days(shown)}" if shown.HasField("lead_time_days") else "")
        put(console, indented(_lines(console, price)))
    elif shown.HasField("lead_time_days"):
        console.print(f"\n{_days(shown).capitalize()}.")
    if shown.lenses:
        console.print()
        put(console, _lenses(shown.lenses))


def _days(shown: Quote) -> str:
    days = shown.lead_time_days
    return "ships the same day" if not days else f"ships in {days} working {'day' if days == 1 else 'days'}"


def _money(shown: Money) -> str:
    return f"{shown.currency} {_amount(shown)}"


def _amount(shown: Money) -> str:
    whole, hundredths = divmod(abs(shown.minor_units), 100)
    return f"{'-' if shown.minor_units < 0 else ''}{whole:,}.{hundredths:02}"


def _lines(console: Console, price: Price) -> Table:
    rows = table()
    rows.add_column()
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(justify="right", no_wrap=True)
    for line in price.lines:
        side = _SIDES.get(line.side, "").partition(" ")[0].lower()
        rows.add_row(line.label, side, minus(console, _amount(line.amount)))
    return rows


def _lenses(shown: Sequence[QuotedLens]) -> Table:
    rows = table("")
    rows.columns[0].style = "bold"
    for heading in ("blank", "centre", "edge", "weight"):
        rows.add_column(heading, justify="right", no_wrap=True)
    for lens in shown:
        about = "about " if lens.estimated else ""  # for want of a trace
        rows.add_row(
            _SIDES.get(lens.side, ""),
            f"{lens.blank_diameter:.0f} mm",
            f"{lens.centre_thickness:.2f} mm",
            f"{about}{lens.edge_thinnest:.2f} to {lens.edge_thickest:.2f} mm",
            f"{about}{lens.weight:.1f} g",
        )
    return rows


# ── what is wrong with it ─────────────────────────────────────────────────────────────────────────────────────────────


def violations(console: Console, shown: Sequence[Violation], *, heading: bool = True) -> None:
    """Print what the lab has to say, worst first, each at its field and with what would do instead."""
    if shown and heading:
        worst = max(each.severity for each in shown)
        console.print(f"\n{_HEADINGS.get(worst, 'The lab can make it; note:')}", style="bold")
    for violation in sorted(shown, key=lambda each: -each.severity):
        word, style = _SEVERITIES[violation.severity]
        head = Text(f"{word} ", style=style).append(f"at {violation.field}" if violation.field else "", style="bold")
        put(console, indented(head))
        put(console, indented(Text(violation.message), by=4))
        if violation.alternatives:
            put(console, indented(Text(f"instead: {', '.join(violation.alternatives)}", style="cyan"), by=4))


def diagnostics(console: Console, shown: Sequence[ImportDiagnostic | FileDiagnostic], *, verbose: bool) -> None:
    """Print what was noticed in a file, and what became of it; notes on lines only as a number, unless `verbose`."""
    listed = [each for each in shown if verbose or each.severity > SEVERITY_INFO or not each.line]
    rows = table()
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, justify="right")
    rows.add_column(no_wrap=True, style="bold")
    rows.add_column()
    for each in sorted(listed, key=lambda each: each.line):
        word, style = _SEVERITIES[each.severity]
        rows.add_row(Text(word, style=style), f"line {each.line}" if each.line else "", each.label, each.message)
    if listed:
        console.print("\nAbout the file:", style="bold")
        put(console, indented(rows))
    if hidden := len(shown) - len(listed):
        words = f"{hidden} {'more ' if listed else ''}{'note' if hidden == 1 else 'notes'} about the file"
        console.print(f"\n{words}; to see all: --verbose.", style="dim")


def refusal(console: Console, error: RefusedError) -> None:
    """Print an error of the mesh: the sentence, the fields or objections behind it, and the way out."""
    shown = error.refusal
    console.print(f"lensmesh: {shown.sentence}", style="red", soft_wrap=True)
    for field, fault in shown.faults:
        put(console, indented(Text(field, style="bold").append(f": {wording.fault(fault)}", style="not bold")))
    violations(console, shown.violations, heading=False)
    for subject, told in shown.preconditions:
        put(console, indented(Text(subject, style="bold")))
        put(console, indented(Text(told), by=4))
    if error.way_out:
        console.print(error.way_out, soft_wrap=True)


# ── many orders ───────────────────────────────────────────────────────────────────────────────────────────────────────


def orders(console: Console, shown: Sequence[Order]) -> None:
    """Print a list of orders, one a line; a wide terminal shows more of each."""
    wide = console.width >= _WIDE
    rows = table("order", "state", "date", "ref.", "patient", *(("job", "lens") if wide else ()))
    for column in rows.columns:
        column.no_wrap = True
    rows.columns[0].min_width = 36
    for each in shown:
        when = date(each.update_time) if wide else day(each.update_time)
        facts = (each.customer_reference, each.patient_reference, *((bare(each.job), each.lens.design) if wide else ()))
        rows.add_row(bare(each.name), state(each.state), when, *(fact or _ABSENT for fact in facts))
    put(console, rows)


def accounts(console: Console, shown: Sequence[Account]) -> None:
    """Print a practice's accounts, one a line."""
    rows = table("account", "lab", "since", "")
    for each in shown:
        lab, _, number = each.name.partition("/accounts/")
        rows.add_row(number, bare(lab), date(each.create_time), "the usual one" if each.is_default else "")
    put(console, rows)


def bare(name: str) -> str:
    """The id in a resource name: its last part."""
    return name.rpartition("/")[2]
