"""The lab's floor on a terminal: jobs, lenses, inspections and stock, in the words of those who work there."""

from collections.abc import Sequence

from lensmesh.lims.v1.floor_pb2 import (
    BlankStock,
    Breakage,
    FloorRecord,
    FloorStation,
    Inspection,
    InspectionFinding,
    LensProgress,
    Remake,
    Responsibility,
    StockMovement,
)
from lensmesh.lims.v1.job_pb2 import Job
from lensmesh.type.v1.money_pb2 import Money
from lensmesh.type.v1.prescription_pb2 import SIDE_LEFT, SIDE_RIGHT, Side
from rich.console import Console
from rich.text import Text

from cli.terminal import clock, date, day, indented, minus, put, second, table, zoned

_SIDES = {SIDE_RIGHT: "right", SIDE_LEFT: "left"}
_ABSENT = "\N{EN DASH}"
_BLANKS = {
    (LensProgress.BLANK_RESERVED, False): "set aside",
    (LensProgress.BLANK_RESERVED, True): "picked",
    (LensProgress.BLANK_CONSUMED, False): "taken",
    (LensProgress.BLANK_CONSUMED, True): "taken",
}
"""What is told of a lens's blank, by where it is and whether somebody confirmed it."""
_OPEN = (Job.STATE_RECEIVED, Job.STATE_IN_PRODUCTION, Job.STATE_ON_HOLD)
_STATES = {
    Job.STATE_SHIPPED: "bold green",
    Job.STATE_ON_HOLD: "yellow",
    Job.STATE_CANCELLED: "red",
}


def _word(name: str, prefix: str) -> str:
    """A value of an enumeration as a word: `KIND_SCANNED_IN` is `scanned in`."""
    return name.removeprefix(prefix).replace("_", " ").lower()


def _side(side: Side.ValueType) -> str:
    return _SIDES.get(side, "")


def responsible(of: Responsibility.ValueType) -> str:
    """Who answers, in a word."""
    word = _word(Responsibility.Name(of), "RESPONSIBILITY_")
    return {"ecp": "practice", "non adapt": "non-adapt"}.get(word, word)


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def job(console: Console, shown: Job) -> None:
    """Print where a job is, when it is due, and how far each lens is."""
    head = Text(f"{shown.name}  ", style="bold")
    head.append(Job.State.Name(shown.state).removeprefix("STATE_"), style=_STATES.get(shown.state, "cyan"))
    console.print(head)
    facts = table()
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(shown):
        if value:
            facts.add_row(name, value)
    put(console, indented(facts))
    if shown.lenses:
        rows = table("lens", "blank", "reached", "next", "attempt", "inspection")
        for lens in shown.lenses:
            rows.add_row(*_lens(lens))
        put(console, indented(rows))


def _facts(shown: Job) -> Sequence[tuple[str, str]]:
    done = shown.state in _OPEN and not shown.HasField("arrive_time")
    where = f"{shown.station}{', done there' if done else ''}" if shown.station else "not begun"
    return (
        ("At", f"{shown.partner}'s, up to {shown.partner_until}" if shown.partner else where),
        ("Next", shown.next_station),
        ("On hold", shown.hold_reason),
        ("Due", zoned(shown.due_time) if shown.HasField("due_time") else ""),
        ("Promised", zoned(shown.promise_time) if shown.HasField("promise_time") else ""),
        ("Customer", shown.customer_status),
        ("Remake", _remake(shown.remake) if shown.HasField("remake") else ""),
    )


def _remake(of: Remake) -> str:
    told = f"of {of.job} ({responsible(of.responsibility)}): {of.reason}"
    if of.HasField("percent"):
        told += f"; {of.percent} % charged"
    if of.HasField("price"):
        told += f", {_money(of.price)}"
    return told


def _money(shown: Money) -> str:
    whole, hundredths = divmod(abs(shown.minor_units), 100)
    return f"{shown.currency} {'-' if shown.minor_units < 0 else ''}{whole:,}.{hundredths:02}"


def _lens(lens: LensProgress) -> Sequence[str]:
    inspection = _word(LensProgress.Inspection.Name(lens.inspection), "INSPECTION_") if lens.inspection else ""
    told = ", ".join(filter(None, (lens.blank, _BLANKS.get((lens.blank_state, lens.picked), ""))))
    return (
        _side(lens.side) or _ABSENT,
        told or _ABSENT,
        lens.station or _ABSENT,
        lens.next_station or _ABSENT,
        str(lens.attempt),
        inspection or _ABSENT,
    )


def stations(console: Console, shown: Sequence[FloorStation]) -> None:
    """Print the stations in the order of the floor, with the jobs there."""
    rows = table("station", "name")
    for heading in ("waiting", "working", "minutes"):
        rows.add_column(heading, justify="right")
    rows.add_column("")
    for each in shown:
        does = ", ".join(word for word, done in (("picks", each.picks), ("inspects", each.inspects)) if done)
        rows.add_row(each.id, each.name, str(each.waiting), str(each.working), str(each.minutes), does)
    put(console, rows)


# ── what was written down ─────────────────────────────────────────────────────────────────────────────────────────────


def records(console: Console, shown: Sequence[FloorRecord]) -> None:
    """Print what was done to a job, in order."""
    rows = table("", "time", "what", "station", "about", "who")
    for each in shown:
        what = _word(FloorRecord.Kind.Name(each.kind), "KIND_")
        who = each.operator.removeprefix("users/")
        rows.add_row(str(each.sequence), second(each.time), what, each.station, each.subject, who)
    put(console, rows)


def breakages(console: Console, shown: Sequence[Breakage]) -> None:
    """Print what broke, each in a line or two; nothing of none."""
    for each in shown:
        number = each.name.rpartition("/")[2]
        side = _side(each.side)
        anew = f"from {each.returns_to} on, {'with a new blank' if each.new_blank else 'the same lens'}"
        console.print(
            f"\nBreakage {number}: {' '.join(filter(None, (side, 'lens')))}, {each.reason}, at {each.station} "
            f"({responsible(each.responsibility)}); {anew}",
            soft_wrap=True,
        )
        if each.note:
            put(console, indented(Text(each.note)))
        if each.HasField("reverse_time"):
            put(console, indented(Text(f"taken back {date(each.reverse_time)} by {each.reversed_by}", style="yellow")))


def inspection(console: Console, shown: Inspection) -> None:
    """Print whether lenses pass, and every quantity: what it should be, what it is, and what is allowed."""
    word, style = ("passed", "bold green") if shown.passed else ("did not pass", "bold red")
    console.print(Text("Inspection ", style="bold").append(word, style=style))
    console.print(
        f"by {shown.profile_name or shown.profile}, catalog revision {shown.catalog_revision}", soft_wrap=True
    )
    rows = table("lens")
    rows.add_column("quantity", no_wrap=True)
    for heading in ("should be", "is", "off by", "allowed"):
        rows.add_column(heading, justify="right", no_wrap=True)
    for each in shown.findings:
        numbers = (minus(console, number) for number in _numbers(each))
        verdict = [] if each.passed else [Text("fails", style="bold red")]
        rows.add_row(_side(each.side) or "pair", each.quantity.replace("_", " "), *numbers, *verdict)
    put(console, indented(rows))
    if shown.note:
        put(console, indented(Text(shown.note)))


def _numbers(of: InspectionFinding) -> Sequence[str]:
    return (f"{of.target:.2f}", f"{of.measured:.2f}", f"{of.deviation:+.2f}", f"{of.allowed:.2f}")


# ── stock ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def stock(console: Console, shown: Sequence[BlankStock]) -> None:
    """Print what there is of blanks, and what is to be ordered."""
    rows = table("blank", "opc")
    for heading in ("on hand", "set aside", "free"):
        rows.add_column(heading, justify="right")
    rows.add_column("order")
    for each in shown:
        order = Text(f"{each.order_quantity} now", style="bold yellow") if each.reorder else Text("")
        numbers = (each.on_hand, each.reserved, each.available)
        rows.add_row(each.name.removeprefix("blanks/"), each.opc or _ABSENT, *map(str, numbers), order)
    put(console, rows)


def movements(console: Console, shown: Sequence[StockMovement]) -> None:
    """Print how the stock changed, with what there was after each change."""
    rows = table("")
    for heading in ("time", "blank", "what"):
        rows.add_column(heading, overflow="fold")
    for heading in ("on hand", "set aside"):
        rows.add_column(heading, justify="right")
    rows.add_column("for")
    for each in shown:
        counted = each.kind == StockMovement.KIND_COUNTED
        quantity = minus(console, f"{each.quantity:+d}") if counted else str(each.quantity)
        rows.add_row(
            str(each.number),
            f"{day(each.time)} {clock(each.time)[:5]}",
            each.blank.removeprefix("blanks/"),
            f"{_word(StockMovement.Kind.Name(each.kind), 'KIND_')} {quantity}",
            str(each.on_hand),
            str(each.reserved),
            " ".join(filter(None, (each.job.removeprefix("jobs/"), _side(each.side)))),
        )
    put(console, rows)
