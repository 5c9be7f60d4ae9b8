"""A catalog as a folder of `.yaml` files, which go to the lab and come back as they are, byte for byte.

Beside them stands what they were taken from, so that what others published meanwhile is not undone by an import.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lensmesh.lims.v1.revision_pb2 import CatalogFiles

from cli.errors import FileUnusableError

_ENDING = ".yaml"
_ORIGIN = "REVISION"
_WRITTEN = re.compile(r"revision ([1-9][0-9]{0,17})\s+sha256 ([0-9a-f]{64})\s*")


@dataclass(frozen=True, slots=True)
class Origin:
    """The revision that the files of a folder were taken from.

    Attributes:
        number: Its number.
        digest: SHA-256 of its content, in hex, which tells it from another lab's.
    """

    number: int
    digest: str


def texts(files: CatalogFiles) -> dict[str, str]:
    """The files of a catalog by name, whatever area they belong to."""
    return dict(sorted((name, text) for _, area in files.ListFields() for name, text in area.items()))


def catalog_files(given: Mapping[str, str]) -> CatalogFiles:
    """Files as the lab takes a whole catalog: in one area, for it puts each where it belongs by what the file holds."""
    return CatalogFiles(catalog=given)


def read(folder: Path) -> dict[str, str]:
    """The `.yaml` files of a folder by name; those of folders within it are none of them.

    Raises:
        FileUnusableError: it is no folder, holds no such file, or one that cannot be read or is no UTF-8 text.
    """
    if not folder.is_dir():
        raise FileUnusableError(f"{folder} is no folder: name the one that holds the catalog's {_ENDING} files.")
    found = {}
    for file in sorted(folder.glob(f"*{_ENDING}")):
        try:
            found[file.name] = file.read_bytes().decode()
        except OSError as error:
            raise FileUnusableError(f"{file} cannot be read ({error.strerror}).") from error
        except UnicodeDecodeError as error:
            raise FileUnusableError(
                f"{file} is no UTF-8 text: byte {error.start} is none. Save it as UTF-8."
            ) from error
    if not found:
        raise FileUnusableError(f"{folder} holds no {_ENDING} file: name the folder that holds the catalog's files.")
    return found


def origin(folder: Path) -> Origin | None:
    """What the files of a folder were taken from; None where nothing says so.

    Raises:
        FileUnusableError: what says so cannot be read.
    """
    file = folder / _ORIGIN
    try:
        written = _WRITTEN.fullmatch(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        written = None
    if written is None:
        raise FileUnusableError(
            f"{file} should say which revision the files were taken from, as an export writes it, and does not: say "
            "--base NUMBER, or delete it."
        )
    return Origin(int(written[1]), written[2])


def write(folder: Path, files: Mapping[str, str], origin: Origin, *, replace: bool) -> None:
    """Write the files of a catalog into a folder, which is made when it is not there, and what they were taken from.

    `.yaml` files that the folder has already, and that say something else or are none of the catalog's, are in the way;
    with `replace` they are written anew, or removed.

    Raises:
        FileUnusableError: others are in the way, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {file.name: file.read_bytes() for file in folder.glob(f"*{_ENDING}")}
        in_the_way = sorted(name for name, content in there.items() if content != files.get(name, "").encode())
        if in_the_way and not replace:
            more = f" and {len(in_the_way) - 1} more" if len(in_the_way) > 1 else ""
            raise FileUnusableError(
                f"{folder} has {in_the_way[0]}{more} already, which would be lost: name another folder, or --replace "
                "its files."
            )
        for name in there.keys() - files.keys():
            (folder / name).unlink()
        for name, text in files.items():
            (folder / Path(name).name).write_bytes(text.encode())
        (folder / _ORIGIN).write_text(f"revision {origin.number}\nsha256 {origin.digest}\n", encoding="utf-8")
    except OSError as error:
        raise FileUnusableError(f"The files cannot be written to {folder} ({error.strerror}).") from error
