"""The command line itself: how its options are shown, and what is said of a command that was typed wrong.

Typer names the type of every option ("<bool>") and passes on what its validator says ("Value error, …"). Both are for
programmers; a user reads what there is to write, and a sentence.
"""

from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperGroup, TyperOption

from cli import wording
from cli.terminal import LENSMESH

HELP = ("-h", "--help")
_SHOWN: dict[Any, str] = {str: "TEXT", int: "NUMBER", float: "NUMBER", Path: "FILE", UUID: "UUID"}


def shown_plainly(command: object) -> None:
    """Make the help of a command, and of all beneath it, name no types: a flag stands alone, a value by what it is."""
    if not isinstance(command, TyperCommand | TyperGroup):
        return
    help_option = command.get_help_option(typer.Context(command, help_option_names=list(HELP)))
    for option in (help_option, *command.params):
        if isinstance(option, TyperOption) and option.metavar is None:
            option.metavar = "" if option.is_flag else _shown(option.type_descriptor.annotation)
    for each in command.commands.values() if isinstance(command, TyperGroup) else ():
        shown_plainly(each)


def _shown(kind: Any) -> str | None:  # noqa: ANN401 - an option's annotation may be any type
    (of_each,) = get_args(kind) or (kind,)  # an option that is repeated is a list
    return _SHOWN.get(of_each)


def sentence(error: typer.TyperException) -> str:
    """What is wrong with what was typed, and where the way to write it stands; empty when help was printed instead."""
    if not (told := _told(error)):
        return ""
    context = getattr(error, "ctx", None)
    words = context.command_path.split()[1:] if context is not None else []
    return f"{told.rstrip('.')}. How it is written: {' '.join((LENSMESH, *words, '--help'))}"


def _told(error: typer.TyperException) -> str:
    option = getattr(error, "param", None)
    if isinstance(error.__cause__, ValidationError) and option is not None:
        return f"{'/'.join(option.opts)}: {wording.value(error.__cause__)}"
    tell = getattr(error, "format_message", None)
    return " ".join(str(tell() if tell is not None else error).split())
