"""What it costs to see beforehand what other rules would have made of a million jobs.

    python -m bench.preview [--jobs N] [--sample N] [--folder FOLDER]

Jobs are made by deciding specs that are all different (one in twenty comes again) and stored as the service stores
them, but for their decisions, which nobody reads here; what is refused on the way is stored as attempts. Then a draft
that changes rules only is previewed by the worker that the service runs, over a tenth of them and over all.

A core's rate is jobs over the CPU of the worker, from its start to its end. Memory is its largest resident set. A
sample is decided singly under both catalogs and held against what the columns say.

Making the jobs takes far longer than all else: FOLDER keeps the database for the next time.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
from lensmesh.lims.v1.examination_pb2 import PreviewReport
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.lims.v1.rule_service_pb2 import PreviewDraftResponse

from bench import specs
from optics.eyes import Side
from rules.catalog import Catalog
from rules.decide import decide
from rules.decision import Decision
from rules.replay.record import record
from rules.replay.replay import Outcome, Replay
from rules.spec import Eye, Frame, Lens, Spec, Traces
from runtime import ports, postgres
from runtime.postgres import Server
from services.lims import messages, starter
from services.lims.attempts import nobodys
from services.lims.model import Ordered
from services.lims.revisions import compiled, content_of
from services.lims.rulebook.framing import framed

JOBS, SAMPLE, ASKED = 1_000_000, 2_000, 50_000
LAB, TENTH = "labs/main", "labs/tenth"

_ROOT = Path(__file__).resolve().parents[1]
_CHUNK = 4_000
_TRACED, _TEMPLATES, _SEED = 0.02, 1_000, 5
_ALIKE = 8
"""Specs in a row that have eyes and the shape of the frame in common, and so their geometry."""
_EDITS = (
    ("constraints-fitting.yaml", "given: {low: 14.00 mm, high: 35.00 mm}", "given: {low: 17.00 mm, high: 35.00 mm}"),
    ("prices.yaml", "design: [comfort-pal], amount: 128.00", "design: [comfort-pal], amount: 131.00"),
    ("prices.yaml", "coating: [hc-ar], amount: 32.00", "coating: [hc-ar], amount: 29.50"),
)
"""The draft: a height, and two prices."""


# ── the jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def drawn(catalog: Catalog, seed: int) -> Iterator[Spec]:
    """Yields specs without end, nearly all of them different, most of which can be made.

    They begin with some that can, and vary powers, measures and frame; of each that comes out, what goes with it is
    varied as well. Of one in fifty the frame is traced.
    """
    chance = random.Random(seed)  # noqa: S311 -- a sample, no secret
    templates = _templates(catalog)
    while True:
        spec = chance.choice(templates)
        if chance.random() >= _TRACED:
            spec = replace(spec, frame=replace(spec.frame, traces=Traces()))
        spec = replace(
            spec, right=_varied(spec.right, chance), left=_varied(spec.left, chance), frame=_bent(spec.frame, chance)
        )
        for _ in range(_ALIKE):
            yield replace(spec, frame=_worn(spec.frame, chance), lens=_with(spec.lens, catalog, chance))


_KNOWN: dict[int, Sequence[Spec]] = {}


def _templates(catalog: Catalog) -> Sequence[Spec]:
    if id(catalog) not in _KNOWN:
        _KNOWN[id(catalog)] = [each.spec for each in islice(specs.accepted(catalog, _SEED), _TEMPLATES)]
    return _KNOWN[id(catalog)]


def _varied(eye: Eye, chance: random.Random) -> Eye:
    cylinder = eye.cylinder or 0
    return replace(
        eye,
        sphere=(eye.sphere or 0) + 25 * chance.randint(-2, 2),
        axis=chance.randint(1, 180) if cylinder else eye.axis,
        distance_pd=(eye.distance_pd or 31_00) + 10 * chance.randint(-5, 5),
        fitting_height=(eye.fitting_height or 19_00) + 10 * chance.randint(-10, 10),
    )


def _bent(frame: Frame, chance: random.Random) -> Frame:
    if frame.traces != Traces():
        return frame
    return replace(frame, a=(frame.a or 50_00) + 10 * chance.randint(-5, 5), dbl=10 * chance.randint(160, 210))


def _worn(frame: Frame, chance: random.Random) -> Frame:
    return replace(frame, panto=10 * chance.randint(20, 130), vertex=10 * chance.randint(100, 150))


def _with(lens: Lens, catalog: Catalog, chance: random.Random) -> Lens:
    return lens if chance.random() < 0.5 else replace(lens, coatings=(chance.choice(tuple(catalog.coatings)),))  # noqa: PLR2004 -- half


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a chunk of specs: rows as they are copied in."""

    jobs: Sequence[tuple[Any, ...]]
    attempts: Sequence[tuple[Any, ...]]


def made(content: bytes, seed: int) -> Made:
    """Decides specs until a chunk of them is accepted."""
    catalog = _catalog(content)
    random.seed(seed)
    jobs: list[tuple[Any, ...]] = []
    attempts = {}
    geometry = None
    for at, spec in enumerate(drawn(catalog, seed)):
        decision = decide(catalog, spec, kept=geometry if at % _ALIKE else None)
        geometry = decision.geometry
        ordered = messages.ordered(messages.spec_message(spec), spec.account)
        if decision.accepted:
            jobs.append(_job(catalog, ordered, decision))
            if len(jobs) % 20 == 0:  # one in twenty is ordered again
                jobs.append(_job(catalog, ordered, decision))
        elif ordered.digest not in attempts:
            kept = record(catalog, nobodys(decision))
            attempts[ordered.digest] = (LAB, ordered.digest, ordered.content, kept, b"", 1, 1)
        if len(jobs) >= _CHUNK:
            return Made(jobs[:_CHUNK], list(attempts.values()))
    raise AssertionError("there is no end of specs")


_CATALOGS: dict[bytes, Catalog] = {}


def _catalog(content: bytes) -> Catalog:
    key = sha256(content).digest()
    if key not in _CATALOGS:
        _CATALOGS[key] = compiled(content)
    return _CATALOGS[key]


def _job(catalog: Catalog, ordered: Ordered, decision: Decision) -> tuple[Any, ...]:
    kept = record(catalog, decision)
    hand_off = uuid.UUID(int=random.getrandbits(128))
    route = list(decision.route)
    return (LAB, hand_off, ordered.content, ordered.digest, ordered.account, kept, "RECEIVED", "", route, 1, 1)


_OF_JOB = (
    *("tenant", "handoff_id", "spec", "spec_digest", "account", "replay", "state", "station", "route"),
    *("catalog_revision", "sequence"),
)
_OF_ATTEMPT = ("tenant", "spec_digest", "spec", "replay", "violations", "count", "catalog_revision")


async def fill(server: Server, content: bytes, jobs: int) -> None:
    """Stores so many jobs, unless they are there."""
    connection = await asyncpg.connect(server.url("lims"))
    try:
        stored = await connection.fetchval("select count(*) from job where tenant = $1", LAB)
        if stored >= jobs:
            return
        for lab in (LAB, TENTH):
            await connection.execute(
                "insert into revision (tenant, number, digest, content, author, note)"
                " values ($1, 1, encode(sha256($2), 'hex'), $2, 'bench', 'the starter catalog') on conflict do nothing",
                lab,
                content,
            )
        chunks = -(-(jobs - stored) // _CHUNK)
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            seeds = range(stored // _CHUNK, stored // _CHUNK + chunks)
            for at, chunk in enumerate(pool.map(made, [content] * chunks, seeds)):
                await connection.copy_records_to_table("job", records=chunk.jobs, columns=_OF_JOB)
                await _add_attempts(connection, chunk.attempts)
                print(f"\rjobs made: {stored + (at + 1) * _CHUNK:,}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        await connection.execute(_COPY_TENTH, TENTH, LAB, jobs // 10)
        await connection.execute("vacuum analyze job")
    finally:
        await connection.close()


_COPY_TENTH = f"""
    insert into job ({", ".join(_OF_JOB)})
    select $1, {", ".join(_OF_JOB[1:])} from job where tenant = $2 order by number limit $3
"""  # noqa: S608 -- the columns are this module's


async def _add_attempts(connection: asyncpg.Connection, attempts: Sequence[tuple[Any, ...]]) -> None:
    await connection.execute(f"create temporary table more as select {', '.join(_OF_ATTEMPT)} from attempt limit 0")  # noqa: S608 -- this module's
    await connection.copy_records_to_table("more", records=attempts, columns=_OF_ATTEMPT)
    names = ", ".join(_OF_ATTEMPT)
    await connection.execute(f"insert into attempt ({names}) select {names} from more on conflict do nothing")  # noqa: S608 -- this module's
    await connection.execute("drop table more")


# ── the preview ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Previewed:
    """A preview, and what it cost: seconds of CPU and of the clock, and the largest resident set in bytes."""

    report: PreviewReport
    cpu: float
    elapsed: float
    memory: int


def previewed(server: Server, lab: str, draft: bytes) -> Previewed:
    """Runs the worker as the service does."""
    told = {**os.environ, "LENSMESH_DATABASE_URL": server.url("lims", "lims_service")}
    began = time.monotonic()
    worker = subprocess.Popen(
        [sys.executable, "-m", "services.lims.previewing"],
        cwd=_ROOT,
        env=told,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if worker.stdin is None or worker.stdout is None:
        raise LookupError("a worker without pipes")
    asked = {"lab": lab, "base": 1, "content": draft.decode(), "examples": 5}
    worker.stdin.write(framed(json.dumps(asked).encode()))
    worker.stdin.flush()
    report = PreviewReport()
    while length := worker.stdout.read(4):
        said = PreviewDraftResponse.FromString(worker.stdout.read(int.from_bytes(length, "big")))
        if said.HasField("report"):
            report = said.report
    _, status, used = os.wait4(worker.pid, 0)
    worker.returncode = os.waitstatus_to_exitcode(status)
    worker.stdin.close()
    worker.stdout.close()
    if worker.returncode:
        raise RuntimeError(f"the worker ended with {worker.returncode}")
    return Previewed(report, used.ru_utime + used.ru_stime, time.monotonic() - began, 1024 * used.ru_maxrss)


async def sampled(server: Server, base: Catalog, target: Catalog, count: int) -> tuple[int, int]:
    """Decides a sample singly under both catalogs; returns how many answers were held, and how many differed."""
    connection = await asyncpg.connect(server.url("lims"))
    try:
        rows = await connection.fetch(
            "select spec, account, replay from job where tenant = $1 and number % $2 = 0 limit $3", LAB, 97, count
        )
    finally:
        await connection.close()
    held = differing = 0
    outcomes = Replay(base, target)(b"".join(row["replay"] for row in rows))
    for catalog, outcome in zip((base, target), outcomes, strict=True):
        for at, row in enumerate(rows):
            ordered = messages.ordered(JobSpec.FromString(row["spec"]), row["account"])
            if not outcome.singly[at]:
                held += 1
                differing += _by_columns(outcome, at) != _by_decision(decide(catalog, messages.spec(ordered)))
    return held, differing


def _by_decision(decision: Decision) -> tuple[object, ...]:
    fired = {(each.rule, each.row, each.side) for each in decision.fired if each.rule != "availability"}
    total = decision.price.total if decision.price else None
    return decision.accepted, decision.lead_time_days, total, fired


def _by_columns(outcome: Outcome, at: int) -> tuple[object, ...]:
    fired: set[tuple[str, str, Side | None]] = {
        (constraint.id, "", side) for constraint, side, mask in outcome.objecting if mask[at]
    }
    for (table, side, _), rows in outcome.rows.items():
        if rows[at] >= 0:
            fired.add((table, outcome.catalog.tables[table].rows[rows[at]].id, side))
    days = int(outcome.days[at]) if outcome.days[at] >= 0 else None
    return bool(outcome.accepted[at]), days, int(outcome.total[at]) if outcome.priced[at] else None, fired


# ── all of it ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def draft_of(texts: Mapping[str, str]) -> dict[str, str]:
    """Returns the files with a height and two prices changed."""
    changed = dict(texts)
    for name, old, new in _EDITS:
        if old not in changed[name]:
            raise LookupError(f"{name} no longer says {old!r}; choose another change for the bench")
        changed[name] = changed[name].replace(old, new, 1)
    return changed


@contextmanager
def stored(folder: Path | None) -> Iterator[Server]:
    """Runs PostgreSQL with the LIMS's schema; in a folder, what is stored there stays."""
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary, postgres.running(Path(temporary)) as server:
            _migrate(server)
            yield server
        return
    folder.mkdir(parents=True, exist_ok=True)
    server = postgres.prepare(folder / "postgres", folder / "postgres.secret", ports.free_port())
    with postgres.started(server, folder / "postgres.log"):
        _migrate(server)
        yield server


def _migrate(server: Server) -> None:
    server.bootstrap("lims")
    told = {**os.environ, "LENSMESH_OWNER_DATABASE_URL": server.url("lims", "lims_owner")}
    subprocess.run([sys.executable, "-m", "services.lims", "migrate"], cwd=_ROOT, env=told, check=True)


def main() -> None:
    """Prints what a preview costs."""
    parser = argparse.ArgumentParser(prog="python -m bench.preview", description="What a preview costs.")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"stored jobs ({JOBS:,})")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"jobs that are decided singly as well ({SAMPLE:,})")
    parser.add_argument("--folder", type=Path, help="keeps the database")
    arguments = parser.parse_args()
    texts = starter.texts()
    base, draft = content_of(texts), content_of(draft_of(texts))
    with stored(arguments.folder) as server:
        asyncio.run(fill(server, base, arguments.jobs))
        distinct = asyncio.run(_distinct(server))
        print(f"{arguments.jobs:,} jobs, {100 * distinct / arguments.jobs:.1f} % of distinct specs")
        for lab in (TENTH, LAB):
            _tell(previewed(server, lab, draft))
        held, differing = asyncio.run(sampled(server, compiled(base), compiled(draft), arguments.sample))
        print(f"{held:,} answers for {arguments.sample:,} jobs held against single decisions: {differing} differ")


def _tell(found: Previewed) -> None:
    report = found.report
    decided = report.jobs + report.attempts
    print(
        f"{report.jobs:,} jobs and {report.attempts:,} attempts: {decided / found.cpu:,.0f} a second of one core"
        f" (asked: {ASKED:,}), {found.cpu:.1f} s CPU, {found.elapsed:.1f} s, {found.memory / 1e6:.0f} MB at the most;"
        f" {report.decided_singly:,} singly, {report.unchanged:,} unchanged"
    )
    for group in report.groups[:6]:
        money = ", ".join(f"{each.currency} {each.minor_units / 100:+,.2f}" for each in group.money)
        kind = type(group).Kind.Name(group.kind).removeprefix("KIND_").lower().replace("_", " ")
        print(f"    {kind:16} {group.rule or '-':32} {group.jobs:9,} jobs {group.attempts:7,} attempts  {money}")


async def _distinct(server: Server) -> int:
    connection = await asyncpg.connect(server.url("lims"))
    try:
        count: int = await connection.fetchval(
            "select count(distinct (spec_digest, account)) from job where tenant = $1", LAB
        )
        return count
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
