"""What is said of a command that was typed wrong, and what its help shows."""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import Parse
from lensmesh.lims.v1 import floor_service_pb2
from lensmesh.lims.v1.job_pb2 import JobSpec
from lensmesh.order.v1 import account_service_pb2, order_service_pb2
from lensmesh.order.v1.order_pb2 import Order

from cli import wording
from rules.decide import decide
from rules.load import load
from runtime.settings import PROJECT
from services.lims import messages, starter
from tests.cli.conftest import Lensmesh


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("orders", "list", "--limit", "abc"), "lensmesh: --limit/-n: `abc` is no whole number."),
        (("orders", "list", "--limit", "0"), "lensmesh: --limit/-n: 0 is too small: 1 is the least."),
        (
            ("orders", "list", "--role", "boss"),
            "lensmesh: --role: 'boss' is not one of 'optician', 'practice_manager'.",
        ),
        (("orders", "list", "--state", "x"), "lensmesh: --state: 'x' is not one of 'draft', 'awaiting_frame', "),
        (("orders", "note", "a", "b", "--request-id", "x"), "lensmesh: --request-id: `x` is no UUID."),
        (("simulate", "--pace", "x"), "lensmesh: --pace: `x` is no number."),
        (("orders", "import"), "lensmesh: Missing argument 'file'."),
        (("orders", "list", "--nope"), "lensmesh: No such option: --nope"),
        (("nope",), "lensmesh: No such command 'nope'."),
    ],
)
def test_a_command_typed_wrong_is_a_sentence(lensmesh: Lensmesh, arguments: tuple[str, ...], sentence: str) -> None:
    """In a user's words, with the command that shows how it is written, and 2."""
    done = lensmesh(*arguments)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert re.search(r"How it is written: bin/lensmesh .*--help$", done.err.strip())


def test_with_json_it_is_json(lensmesh: Lensmesh) -> None:
    """Like every other error."""
    told = json.loads(lensmesh("orders", "list", "--limit", "abc", "--json").err)
    assert told["error"] == "UsageError"
    assert "`abc` is no whole number" in told["message"]


def test_a_group_without_a_command_shows_its_help(lensmesh: Lensmesh) -> None:
    """And nothing is called wrong."""
    done = lensmesh("orders")
    assert (done.code, "import" in done.out, done.err) == (2, True, "")


@pytest.mark.parametrize("command", ["import", "create", "update", "get", "list", "submit", "watch"])
def test_help_names_what_there_is_to_write_and_no_types(lensmesh: Lensmesh, command: str) -> None:
    """Flags stand alone; an option that is empty by default has no default to show."""
    done = lensmesh("orders", command, "--help")
    options = done.out[done.out.index("Options") :]
    assert "<" not in options
    assert "()" not in options
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_example_in_the_help_of_create_is_an_order_the_lab_makes(lensmesh: Lensmesh) -> None:
    """As it stands there, without a word of the lab."""
    done = lensmesh("orders", "create", "--help")
    example = re.search(r"^ *\{\"eyes\".*?\}\}\s*$", done.out, re.DOTALL | re.MULTILINE)
    assert example is not None
    order = Parse(example[0], Order())
    spec = JobSpec(eyes=order.eyes, prescription=order.prescription, frame=order.frame, lens=order.lens)
    assert decide(load(starter.files()), messages.spec(messages.ordered(spec))).violations == ()
    assert "samples/order.json" in done.out
    assert "bin/lensmesh lims catalog" in done.out


def test_hints_work_in_the_folder_the_user_is_in(tmp_path: Path) -> None:
    """The command stands in them as it was typed."""
    typed = str(PROJECT / "bin" / "lensmesh")
    done = subprocess.run([typed, "lims", "job", "seven"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert f"`{typed} lims jobs`" in done.stderr


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("must be at least 1 characters", "must not be empty"),
        ("must be greater than or equal to 1 and less than or equal to 180", "must be 1 to 180"),
        ("must be greater than or equal to 0", "must be 0 or more"),
        ("must be less than or equal to 6", "must be 6 or less"),
        ("must be on the 0.01 lattice", "must be on the 0.01 lattice"),
        ("does not match regex pattern `^x$`", "is not written as the contract wants it"),
    ],
)
def test_a_fault_is_told_in_a_users_words(told: str, said: str) -> None:
    """What is not known is passed on."""
    assert wording.fault(told) == said


def test_every_pattern_of_the_contract_has_words() -> None:
    """A user never reads a regular expression."""
    files = (order_service_pb2.DESCRIPTOR, account_service_pb2.DESCRIPTOR, floor_service_pb2.DESCRIPTOR)
    patterns = set(_patterns(kind for file in files for kind in file.message_types_by_name.values()))
    assert patterns
    assert patterns <= set(wording.PATTERNS)


def _patterns(kinds: Iterable[Descriptor], seen: set[str] | None = None) -> Iterator[str]:
    """The patterns of the fields of messages, and of all they hold."""
    seen = set() if seen is None else seen
    for kind in kinds:
        if kind.full_name in seen:
            continue
        seen.add(kind.full_name)
        held: list[Descriptor] = []
        for field in kind.fields:
            rules = field.GetOptions().Extensions[validate_pb2.field]
            yield from filter(None, (rules.string.pattern, rules.repeated.items.string.pattern))
            if field.message_type is not None:
                held.append(field.message_type)
        yield from _patterns(held, seen)
