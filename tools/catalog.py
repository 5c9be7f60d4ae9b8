"""Reads a folder of catalog files as the lab would: `python tools/catalog.py [FOLDER]` says everything that is wrong.

Without a folder it reads the starter set. A lab begins with that set; what it has in force stands in its database and
is not touched by editing these files.
"""

import argparse
import sys
from pathlib import Path

import yaml

from rules.catalog import Catalog
from rules.load import CatalogError, load
from services.lims import starter


def main(arguments: list[str]) -> int:
    """Prints what the files hold, or each fault with file, entry and field; 1 if there are such."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=starter.FOLDER, help="of YAML files")
    folder = parser.parse_args(arguments).folder
    if not any(folder.glob("*.yaml")):
        print(f"{folder} has no *.yaml", file=sys.stderr)
        return 1
    try:
        catalog = load(starter.files(folder))
    except CatalogError as error:
        print(*error.faults, f"{len(error.faults)} faults", sep="\n", file=sys.stderr)
        return 1
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        print(f"no YAML: {error}", file=sys.stderr)
        return 1
    print(_summary(catalog))
    return 0


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
