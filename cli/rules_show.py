"""The lab's rules on a terminal: drafts, findings, previews, differences, revisions, in the words of the trade."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lensmesh.lims.v1.draft_pb2 import Draft
from lensmesh.lims.v1.examination_pb2 import CheckReport, Finding, PreviewExample, PreviewGroup, PreviewReport, Progress
from lensmesh.lims.v1.revision_pb2 import Change, Revision
from lensmesh.lims.v1.rule_service_pb2 import VerifyHistoryResponse
from lensmesh.type.v1.money_pb2 import Money
from rich import progress
from rich.console import Console
from rich.text import Text

from cli.rulebook import Told
from cli.show import bare
from cli.terminal import LENSMESH, clock, date, err, indented, minus, out, put, table

_STATES = {
    Draft.STATE_SCHEDULED: "cyan",
    Draft.STATE_PUBLISHED: "green",
    Draft.STATE_FAILED: "bold red",
}
_GROUPS = {
    PreviewGroup.KIND_NEWLY_ACCEPTED: "newly accepted",
    PreviewGroup.KIND_NEWLY_REFUSED: "newly refused",
    PreviewGroup.KIND_REPLANNED: "made otherwise",
    PreviewGroup.KIND_REPRICED: "priced otherwise",
}
_CHANGES = {
    Change.KIND_ADDED: ("+", "green"),
    Change.KIND_REMOVED: ("-", "red"),
    Change.KIND_CHANGED: ("~", "yellow"),
    Change.KIND_MOVED: (">", "cyan"),
}
_ABSENT = "\N{EN DASH}"
_AREAS = ("catalog", "tables", "constraints", "tolerances", "prices")
_MOST_FAULTS = 20
_MS = 1000


def count(number: int, one: str, many: str = "") -> str:
    """A number of things: `1 job`, `1,200 jobs`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


# ── how far it is ─────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def going(what: str) -> Iterator[Told]:
    """Shows on a terminal how far something is while the block runs; gives what to tell it."""
    console = err()
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=30),
        progress.TextColumn("{task.fields[far]}"),
        progress.TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=out().is_terminal,  # else what is piped would be drawn on the terminal
    )
    task = bar.add_task(what, total=None, far="")

    def tell(told: Progress) -> None:
        far = f"{told.done:,} of {told.total:,}" if told.total else ""
        bar.update(task, completed=told.done, total=told.total or None, far=far)

    with bar:
        yield tell


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def drafts(console: Console, shown: Sequence[Draft]) -> None:
    """Print drafts, each with the first line of its note."""
    width = max(len(_state(each)) for each in shown)
    for each in shown:
        state = _state(each)
        state.pad_right(width - len(state))
        line = Text(f"{bare(each.name)}  ").append_text(state)
        put(console, line.append(f"  base {each.base_revision}  {date(each.update_time)}"))
        note = Text(each.note.strip().partition("\n")[0] or _ABSENT)
        if each.HasField("publish_time"):
            note.append(f"  comes into force at {date(each.publish_time)}", style="cyan")
        put(console, indented(note.append(f"  {each.published}", style="green") if each.published else note, by=6))
        if each.failure:
            put(console, indented(Text(each.failure, style="red"), by=6))


def draft(console: Console, shown: Draft) -> None:
    """Print a draft: what it is, which files it has, and what keeps them from being a catalog."""
    facts = table()
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("Draft", shown.name)
    facts.add_row("State", _state(shown))
    if shown.HasField("publish_time"):
        facts.add_row("Comes", f"into force at {date(shown.publish_time)}")
    if shown.published:
        facts.add_row("Became", shown.published)
    if shown.failure:
        facts.add_row("Failed", Text(shown.failure, style="red"))
    facts.add_row("Note", shown.note or _ABSENT)
    facts.add_row("Base", f"revision {shown.base_revision}")
    facts.add_row("Author", f"{shown.author}, {date(shown.create_time)}; edited {date(shown.update_time)}")
    facts.add_row("Digest", shown.digest or "none: its files hold no catalog")
    for area in _AREAS:
        if names := sorted(getattr(shown.files, area)):
            facts.add_row(area.capitalize(), ", ".join(names))
    put(console, facts)
    faults(console, shown)


def faults(console: Console, shown: Draft) -> None:
    """Print what keeps a draft's files from being a catalog; nothing of a whole one."""
    if not shown.faults:
        return
    console.print(f"\n{count(len(shown.faults), 'fault')}: its files hold no catalog.", style="bold red")
    for fault in shown.faults[:_MOST_FAULTS]:
        put(console, indented(Text(fault)))
    if len(shown.faults) > _MOST_FAULTS:
        console.print(f"  and {len(shown.faults) - _MOST_FAULTS} more.", style="dim")


def _state(shown: Draft) -> Text:
    word = Draft.State.Name(shown.state).removeprefix("STATE_")
    if not shown.digest and shown.state == Draft.STATE_OPEN:
        return Text(f"{word}, faulty", style="red")
    return Text(word, style=_STATES.get(shown.state, ""))


# ── what is found of them ─────────────────────────────────────────────────────────────────────────────────────────────


def kind(shown: Finding) -> str:
    """What a finding is, in words: `unreachable row`."""
    return Finding.Kind.Name(shown.kind).removeprefix("KIND_").replace("_", " ").lower()


def finding(console: Console, shown: Finding) -> None:
    """Print a finding: what and where, its sentence, an order that shows it, and the id that overrides it."""
    style = "yellow" if shown.kind == Finding.KIND_UNKNOWN else "red"
    put(console, Text(kind(shown), style=style).append(f"  {shown.where}" if shown.where else "", style="bold"))
    put(console, indented(Text(shown.says)))
    if shown.example_says:
        put(console, indented(Text(f"e.g. {shown.example_says}", style="cyan")))
    if shown.kind != Finding.KIND_FAULT:  # which cannot be overridden
        put(console, indented(Text(f"id   {shown.id}", style="dim")))


def checked(console: Console, shown: CheckReport) -> None:
    """Print how a check came out."""
    took = f"in {shown.elapsed_ms / _MS:.1f} s, engine {shown.engine_version}"
    if shown.findings:
        console.print(f"\n{count(len(shown.findings), 'finding')} {took}.", style="bold")
    else:
        console.print(f"Clean: nothing was found, {took}.", style="bold green")


def preview(console: Console, shown: PreviewReport) -> None:
    """Print what a draft would have made of past orders: by kind and rule, then some of each."""
    singly = f", {shown.decided_singly:,} of them one by one" if shown.decided_singly else ""
    console.print(
        f"{count(shown.jobs, 'job')} and {count(shown.attempts, 'refused attempt')} decided again{singly}, against "
        f"revision {shown.base_revision}, in {shown.elapsed_ms / _MS:.1f} s: {shown.unchanged:,} come out the same.",
        style="bold",
        soft_wrap=True,
    )
    if not shown.groups:
        return
    console.print()
    rows = table("", "rule", "jobs", "attempts", "money")
    rows.columns[0].no_wrap = True
    rows.columns[1].overflow = "fold"
    for column in rows.columns[2:]:
        column.justify = "right"
        column.no_wrap = True
    for group in shown.groups:
        sums = "\n".join(minus(console, money(each)) for each in group.money) or _ABSENT
        rows.add_row(
            _GROUPS.get(group.kind, ""), group.rule or "several", f"{group.jobs:,}", f"{group.attempts:,}", sums
        )
    put(console, rows)
    for group in shown.groups:
        if group.examples:
            heading = " by ".join(filter(None, (_GROUPS.get(group.kind, ""), group.rule)))
            console.print(f"\n{heading[:1].upper()}{heading[1:]}, for example:", style="bold")
            for each in group.examples:
                _example(console, each)


def _example(console: Console, shown: PreviewExample) -> None:
    put(
        console,
        indented(Text(shown.job or "a refused attempt", style="bold").append(f"  {shown.ordered}", style="not bold")),
    )
    for when, what in (("now", shown.before), ("then", shown.after)):
        if what:
            put(console, indented(Text(f"{when:<4} ", style="dim").append(what, style="not dim"), by=4))


def money(shown: Money) -> str:
    """A change in money with its sign: `EUR +1,200.00`."""
    whole, hundredths = divmod(abs(shown.minor_units), 100)
    sign = "-" if shown.minor_units < 0 else "+" if shown.minor_units else ""
    return f"{shown.currency} {sign}{whole:,}.{hundredths:02}"


def left_behind(console: Console, shown: Sequence[Draft]) -> None:
    """Print the schedules that a publication leaves without the base they were made on."""
    for each in shown:
        console.print(
            f"{each.name} is scheduled for {date(each.publish_time)} on the base of revision {each.base_revision}, "
            f"and fails then: {LENSMESH} lims unschedule {bare(each.name)}, then draft rebase and schedule it again.",
            style="yellow",
            soft_wrap=True,
        )


def changes(console: Console, shown: Sequence[Change]) -> None:
    """Print the differences between two catalogs, section by section."""
    section = ""
    for each in shown:
        if each.section != section:
            console.print(f"{chr(10) if section else ''}{each.section.capitalize()}", style="bold")
            section = each.section
        sign, style = _CHANGES.get(each.kind, (" ", ""))
        put(console, indented(Text(f"{sign} ", style=style).append(each.says or each.entry, style="not bold")))


# ── history ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def revision(console: Console, shown: Revision) -> None:
    """Print a revision: number, time, who and why, what it restores, and what was known of it."""
    head = Text(f"{shown.number:>4}  ", style="bold").append(date(shown.publish_time)).append(f"  {shown.author}")
    put(console, head)
    facts = [
        *([f"restores revision {shown.restores}"] if shown.restores else []),
        _checked(shown),
        *([_previewed(shown.preview)] if shown.HasField("preview") else ["not previewed"]),
        f"digest {shown.digest[:12]}",
    ]
    put(console, indented(Text(shown.note or _ABSENT), by=6))
    put(console, indented(Text(" · ".join(facts), style="dim"), by=6))
    for each in shown.overrides:
        put(console, indented(Text(f"overridden {each.finding}: {each.reason}", style="yellow"), by=6))


def _checked(shown: Revision) -> str:
    if not shown.HasField("check"):
        return "not checked"
    return f"checked: {count(len(shown.check.findings), 'finding') if shown.check.findings else 'clean'}"


def _previewed(shown: PreviewReport) -> str:
    of = shown.jobs + shown.attempts
    return f"previewed: {of - shown.unchanged:,} of {count(of, 'order')} otherwise"


def published(console: Console, shown: Revision) -> None:
    """Print what came into force."""
    restores = f", with the content of revision {shown.restores}" if shown.restores else ""
    console.print(
        f"Revision {shown.number} is in force since {clock(shown.publish_time)}{restores}.", style="bold green"
    )


def verified(console: Console, shown: VerifyHistoryResponse) -> None:
    """Print whether the history is whole, with each fault."""
    kept = f"{count(shown.heads_kept, 'head')} kept outside the database"
    if shown.intact:
        console.print(f"Intact: {count(shown.revisions, 'revision')}, {kept}.", style="bold green")
        put(console, Text(f"head {shown.head}", style="dim"))
        return
    console.print(f"Not intact: {count(shown.revisions, 'revision')}, {kept}.", style="bold red")
    for fault in shown.faults:
        put(console, indented(Text(fault)))
