"""Reads the starter catalog: the files in ``catalog/``, as texts and as plain data for `rules.load`."""

from collections.abc import Mapping
from pathlib import Path

from rules import files as text_files
from rules.files import FileError

FOLDER = Path(__file__).parent / "catalog"


def texts(folder: Path = FOLDER) -> Mapping[str, str]:
    """Returns the folder's YAML files as they are, by file name."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.yaml"))}


def files(folder: Path = FOLDER) -> dict[str, object]:
    """Returns the content of the folder's YAML files, by file name.

    Raises:
        FileError: A file is no YAML, or says a field twice; the message names the file and the line.
    """
    return {name: _content(name, text) for name, text in texts(folder).items()}


def _content(name: str, text: str) -> object:
    try:
        return text_files.read(text)
    except FileError as error:
        raise FileError(f"{name}: {error}") from error
