"""Reads a folder of catalog files as the lab would: `python tools/catalog.py [FOLDER]` says everything that is wrong.

Without a folder it reads the starter set. A lab begins with that set; what it has in force stands in its database and
is not touched by editing these files.

With `--prove` it also examines the catalog as a lab would before it publishes it (`rules.proof`), and prints every
finding with an order that shows it; 1 if anything was found, or could not be told.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import yaml

from rules.catalog import Catalog
from rules.load import CatalogError, load
from rules.proof import Kind, described, examine
from services.lims import starter


def main(arguments: list[str]) -> int:
    """Prints what the files hold, or each fault with file, entry and field; 1 if there are such."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=starter.FOLDER, help="of YAML files")
    parser.add_argument("--prove", action="store_true", help="examine the catalog for what can be proved of it")
    parser.add_argument("--seconds", type=float, default=1.0, help="that one question of --prove may take")
    parsed = parser.parse_args(arguments)
    folder: Path = parsed.folder
    if not any(folder.glob("*.yaml")):
        print(f"{folder} has no *.yaml", file=sys.stderr)
        return 1
    try:
        catalog = load(starter.files(folder))
    except CatalogError as error:
        print(*error.faults, f"{len(error.faults)} faults", sep="\n", file=sys.stderr)
        if parsed.prove:
            _prove_draft(folder, parsed.seconds)
        return 1
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        print(f"no YAML: {error}", file=sys.stderr)
        return 1
    print(_summary(catalog))
    return _prove(catalog, parsed.seconds) if parsed.prove else 0


def _prove(catalog: Catalog, seconds: float) -> int:
    found: Counter[Kind] = Counter()
    for finding in examine(catalog, seconds_each=seconds):
        found[finding.kind] += 1
        print(f"{finding.kind} {finding.where}: {finding.says}")
        for example in finding.examples:
            print(f"    {described(example, catalog)}")
    print("Found: " + (", ".join(f"{count} {kind}" for kind, count in found.items()) or "nothing") + ".")
    return 1 if found else 0


def _prove_draft(folder: Path, seconds: float) -> None:
    """Prints what can be proved of files that are no catalog only for what an examination shows by examples."""
    try:
        _prove(load(starter.files(folder), draft=True), seconds)
    except CatalogError:
        print("It can be examined when it can be read.", file=sys.stderr)


def _summary(catalog: Catalog) -> str:
    counts = {
        "designs": len(catalog.designs),
        "materials": len(catalog.materials),
        "colours": len(catalog.colours),
        "coatings": len(catalog.coatings),
        "options": len(catalog.options),
        "blanks": len(catalog.blanks),
        "constraints": len(catalog.constraints),
        "rows": sum(len(table.rows) for table in catalog.tables.values()),
    }
    return "In order: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + "."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
