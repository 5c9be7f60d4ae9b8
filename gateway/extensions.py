"""How Envoy names its extensions: by a name of ours or theirs, with a configuration of a stated type."""

from typing import Any


def extension(name: str, message: str, **configuration: object) -> dict[str, Any]:
    """Render one extension.

    Args:
        name: what Envoy calls it.
        message: type of its configuration, without `envoy.extensions.`.
        configuration: the fields of that type.
    """
    return {"name": name, "typed_config": typed(f"envoy.extensions.{message}", **configuration)}


def typed(message: str, **fields: object) -> dict[str, Any]:
    """Render a message that says its type."""
    return {"@type": f"type.googleapis.com/{message}", **fields}
