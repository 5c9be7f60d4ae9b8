"""``make bench``: one table and one JSON document of what Lensmesh costs, medians with their spread.

``python -m bench [--runs N] [--json FILE]``
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import decision, mesh, strict_body, submit, validate

Figure = dict[str, Any]

_SPECS = 200
"""Specs of one run whose decisions are measured."""


def main() -> None:
    """Measures everything and prints it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="What Lensmesh costs, in echoes.")
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs of each figure (5)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    figures = asyncio.run(_measure(arguments.runs)) + _strict(strict_body.run())
    figures += decision.figures(arguments.runs, _SPECS)
    _show(figures)
    if arguments.json:
        machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        arguments.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2) + "\n")


async def _measure(runs: int) -> list[Figure]:
    with mesh.running() as one:
        cost = await submit.measure(one, runs)
        edge, direct = await validate.measure(one, runs)
        memory = one.memory()
    with mesh.running("order=2,lims=2") as two:
        doubled = await submit.measure(two, runs)
    return [
        _figure("1 echo: a bare grpc.aio call", "µs CPU", cost.echo_microseconds),
        _figure("1 submitted order, all processes", "echoes", cost.echoes),
        *(_figure(f"  of it {name}", "echoes", share) for name, share in _largest_first(cost.by_process)),
        _figure("orders submitted, 1 replica", "1/s", cost.per_second),
        _figure("orders submitted, 2 replicas", "1/s", doubled.per_second),
        _figure("validate at the edge, median", "ms", edge.p50),
        _figure("validate at the edge over direct, median", "ratio", _ratios(edge.p50, direct.p50)),
        _figure("validate at the edge, 99 %", "ms", edge.p99),
        _figure("validate at the edge over direct, 99 %", "ratio", _ratios(edge.p99, direct.p99)),
        *(_figure(f"memory of {name}", "MB PSS", [held / 1e6]) for name, held in memory.items()),
        _figure("memory in all", "MB PSS", [sum(memory.values()) / 1e6]),
    ]


def _strict(result: dict[str, Any]) -> list[Figure]:
    """Returns the strict bodies' figures as the table's."""
    named = {
        "throughput with strict bodies over without": ("ratio", result["throughput_ratio"]),
        "strict reading of a 1 KB body": ("µs CPU", result["filter_cpu_us"]),
    }
    return [
        {"name": name, "unit": unit, "median": it["median"], "least": it["low"], "most": it["high"]}
        for name, (unit, it) in named.items()
    ]


def _largest_first(shares: dict[str, list[float]]) -> list[tuple[str, list[float]]]:
    return sorted(shares.items(), key=lambda item: -statistics.median(item[1]))


def _ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(above, below, strict=True)]


def _figure(name: str, unit: str, runs: Sequence[float]) -> Figure:
    return {"name": name, "unit": unit, "median": statistics.median(runs), "least": min(runs), "most": max(runs)}


def _show(figures: Sequence[Figure]) -> None:
    table = Table("", "median", "least", "most", "unit", box=None, header_style="bold")
    for figure in figures:
        numbers = (f"{figure[column]:.1f}" for column in ("median", "least", "most"))
        table.add_row(figure["name"], *numbers, figure["unit"])
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
