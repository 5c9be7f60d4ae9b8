"""Reads the starter catalog: the files in ``catalog/``, as plain data for `rules.load`."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "catalog"


class _TextLoader(yaml.BaseLoader):
    """Leaves every scalar the text it is, so that no number is rounded; refuses a field that stands there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- as inherited
        names = [key.value for key, _ in node.value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def files(folder: Path = FOLDER) -> dict[str, object]:
    """Returns the content of the folder's YAML files, by file name.

    Raises:
        yaml.YAMLError: A file is no YAML, or says a field twice; the message names the place.
    """
    return {file.name: _content(file) for file in sorted(folder.glob("*.yaml"))}


def _content(file: Path) -> object:
    with file.open() as stream:  # and no text, which has no name for the message
        return yaml.load(stream, Loader=_TextLoader)  # noqa: S506 -- it makes texts, lists and mappings only
