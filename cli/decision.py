"""A decision on a terminal: whether lenses can be made, and how, in the words of opticians and of the floor."""

from collections.abc import Callable, Sequence

from lensmesh.lims.v1.decision_pb2 import Decision, Fired, LensPlan
from lensmesh.type.v1.prescription_pb2 import SIDE_UNSPECIFIED, Side
from lensmesh.type.v1.quote_pb2 import Quote
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import show
from cli.terminal import indented, minus, put, table

_SECTOR = 45  # degrees; eight of them go round a lens
_TO_THE_NOSE = ("nasal", "nasal above", "above", "temporal above", "temporal", "temporal below", "below", "nasal below")
"""Where a place on the edge of a right lens lies, from 3 o'clock on, counter-clockwise."""

_DIGEST = 12


def verdict(console: Console, title: str, decided: Decision) -> None:
    """Print whether it can be made, and by what that was decided."""
    can, style = ("can be made", "green") if decided.accepted else ("cannot be made as it is", "red")
    console.print(Text(f"{title} ", style="bold").append(can, style=f"bold {style}"))
    account = f", for account {decided.account}" if decided.account else ""
    console.print(
        f"by catalog revision {decided.catalog_revision} ({decided.revision_digest[:_DIGEST]}) and engine "
        f"{decided.engine_version}{account}",
        soft_wrap=True,
    )


def plan(console: Console, decided: Decision) -> None:
    """Print how each lens is made and the way of the job through the lab; nothing of a job that is refused."""
    if not decided.lenses:
        return
    console.print()
    put(console, _lenses(console, decided.lenses))
    console.print("\nCurves are in dioptres of the tooling index 1.530, places on the edge in degrees", style="dim")
    console.print("counter-clockwise from 3 o'clock as seen from the front.", style="dim")
    console.print(Text("\nRoute  ", style="bold").append(" > ".join(decided.route), style="not bold"))


def price(console: Console, decided: Decision) -> None:
    """Print what it costs, line by line, and how long it takes, as far as the rules tell."""
    quote = Quote(price=decided.price if decided.HasField("price") else None)
    if decided.HasField("lead_time_days"):
        quote.lead_time_days = decided.lead_time_days
    show.quote(console, quote)


def fired(console: Console, decided: Decision) -> None:
    """Print which rules objected and which rows of which tables were used, in the order in which they were."""
    console.print("\nWhat had a say:", style="bold")
    rows = table("rule or table", "row", "lens")
    # what had the same say on both lenses is one line
    for (rule, row), sides in _by_row(decided.fired).items():
        rows.add_row(rule, row, " and ".join(_side(each).lower() for each in sides if each != SIDE_UNSPECIFIED))
    put(console, indented(rows))


def _by_row(shown: Sequence[Fired]) -> dict[tuple[str, str], list[Side.ValueType]]:
    rows: dict[tuple[str, str], list[Side.ValueType]] = {}
    for each in shown:
        rows.setdefault((each.rule, each.row), []).append(each.side)
    return rows


def _lenses(console: Console, lenses: Sequence[LensPlan]) -> Table:
    """One column for each lens, one line for each fact."""
    facts: list[tuple[str, Callable[[LensPlan], str]]] = [
        ("blank", lambda lens: lens.blank),
        ("", _kind),
        ("diameter", lambda lens: f"{lens.blank_diameter:.2f} mm"),
        ("  needed at least", lambda lens: f"{lens.minimum_blank:.2f} mm" if lens.minimum_blank else "delivered round"),
        ("base curve", lambda lens: f"{lens.base:.2f} D"),
        ("front curve", lambda lens: _dioptres(lens.front)),
        ("back curves", _back),
        ("centre thickness", lambda lens: f"{lens.centre_thickness:.2f} mm"),
        ("thinnest edge", lambda lens: _edge(lens, lens.edge_thinnest, lens.edge_thinnest_angle)),
        ("thickest edge", lambda lens: _edge(lens, lens.edge_thickest, lens.edge_thickest_angle)),
        ("weight, edged", lambda lens: f"{lens.weight:.2f} g"),
        ("", lambda lens: "of a common shape: no trace" if lens.estimated else ""),
        *((step, _program(step)) for step in _steps(lenses)),
        *([("stations", lambda lens: " > ".join(lens.route))] if _apart(lenses) else []),
    ]
    rows = table("", *(f"{_side(lens.side)} ({'OD' if lens.side == Side.SIDE_RIGHT else 'OS'})" for lens in lenses))
    rows.columns[0].style = "bold"
    for words, told in facts:
        cells = [minus(console, told(lens)) if words not in {"blank", "stations"} else told(lens) for lens in lenses]
        if any(cells):
            rows.add_row(words, *cells)
    return rows


def _side(side: Side.ValueType) -> str:
    return "Right" if side == Side.SIDE_RIGHT else "Left"


def _kind(lens: LensPlan) -> str:
    return ", ".join(filter(None, ("finished" if lens.finished else "", f"OPC {lens.opc}" if lens.opc else "")))


def _dioptres(value: float) -> str:
    return f"{value:+.2f} D" if value else "0.00 D"


def _back(lens: LensPlan) -> str:
    flat, steep = _dioptres(lens.back_flat), _dioptres(lens.back_steep)
    return flat if flat == steep else f"{flat.removesuffix(' D')} / {steep}"


def _edge(lens: LensPlan, thickness: float, angle: int) -> str:
    """A thickness and its place: `2.90 mm at 162° (temporal)`."""
    from_nose = angle if lens.side == Side.SIDE_RIGHT else 180 - angle
    place = _TO_THE_NOSE[round(from_nose % 360 / _SECTOR) % len(_TO_THE_NOSE)]
    return f"{thickness:.2f} mm at {angle}° ({place})"


def _steps(lenses: Sequence[LensPlan]) -> list[str]:
    """The steps of any of the lenses, in the order of the work."""
    return list(dict.fromkeys(program.step for lens in lenses for program in lens.programs))


def _program(step: str) -> Callable[[LensPlan], str]:
    return lambda lens: next((each.program for each in lens.programs if each.step == step), "")


def _apart(lenses: Sequence[LensPlan]) -> bool:
    """Whether the lenses of a pair go different ways."""
    return len({tuple(lens.route) for lens in lenses}) > 1
