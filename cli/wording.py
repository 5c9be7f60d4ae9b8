"""What the contract and the command line say of a wrong value, in a user's words.

`buf.validate` and pydantic speak to programmers: "does not match regex pattern", "Input should be a valid integer".
Whatever the tables here do not know is passed on as it came: odd words are better than none.
"""

import re
from collections.abc import Mapping

from pydantic import ValidationError

from cli.terminal import LENSMESH

_ID = "[a-z0-9][a-z0-9-]{0,62}"
_BLANK = f"blanks/{_ID}"
_JOB = "jobs/[1-9][0-9]{0,17}"
_NO_BLANK = f"is no blank: `{LENSMESH} lims floor stock list` lists those in stock"
_NO_JOB = f"is no job: `{LENSMESH} lims jobs` lists them all"
_ACCOUNT = "[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
_NO_ACCOUNT = f"is no account: `{LENSMESH} orders accounts` lists yours"
_NO_ID = f"is no catalog id: `{LENSMESH} lims catalog` lists them all"

PATTERNS: Mapping[str, str] = {
    f"^({_ID})?$": _NO_ID,
    f"^{_ID}$": _NO_ID,
    f"^practices/{_ID}$": "is no practice: write it as practices/demo",
    "^[a-z][a-z0-9-]{0,62}$": f"is no id of a station or a reason: `{LENSMESH} lims floor stations` lists the stations",
    f"^{_JOB}$": _NO_JOB,
    f"^({_JOB})?$": _NO_JOB,
    f"^{_JOB}/breakages/[1-9][0-9]{{0,8}}$": f"is no breakage: `{LENSMESH} lims floor history` lists those of a job",
    f"^{_BLANK}$": _NO_BLANK,
    f"^({_BLANK})?$": _NO_BLANK,
    "^[A-Z]{3}$": "is no currency: write it as EUR",
    f"^(labs/{_ID})?$": "is no lab: write it as labs/main",
    f"^labs/{_ID}$": "is no lab: write it as labs/main",
    f"^({_ACCOUNT})?$": _NO_ACCOUNT,
    f"^labs/{_ID}/accounts/{_ACCOUNT}$": "is no account: write it as labs/main/accounts/100200",
    f"^(labs/{_ID}/accounts/{_ACCOUNT})?$": "is no account: write it as labs/main/accounts/100200",
    f"^(practices/{_ID})?$": "is no practice: write it as practices/demo",
    f"^practices/{_ID}/orders/[0-9a-f-]{{36}}$": f"is no order: `{LENSMESH} orders list` lists them all",
    f"^(practices/{_ID}/orders/[0-9a-f-]{{36}})?$": f"is no order: `{LENSMESH} orders list` lists them all",
}
"""What a value is not that breaks one of the contract's patterns."""

_FAULTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"must be at least 1 characters"), "must not be empty"),
    (re.compile(r"must be greater than or equal to (\S+) and less than or equal to (\S+)"), r"must be \1 to \2"),
    (re.compile(r"must be greater than or equal to (\S+)"), r"must be \1 or more"),
    (re.compile(r"must be less than or equal to (\S+)"), r"must be \1 or less"),
)
_PATTERN = re.compile(r"does not match regex pattern `(.*)`")

_VALUES: Mapping[str, str] = {
    "int_parsing": "`{input}` is no whole number",
    "int_from_float": "`{input}` is no whole number",
    "float_parsing": "`{input}` is no number",
    "uuid_parsing": "`{input}` is no UUID",
    "greater_than_equal": "{input} is too small: {ge} is the least",
    "less_than_equal": "{input} is too large: {le} is the most",
}


def fault(told: str) -> str:
    """What is wrong with a field of a request, as the mesh told it."""
    if broken := _PATTERN.fullmatch(told):
        return PATTERNS.get(broken[1], "is not written as the contract wants it")
    for pattern, words in _FAULTS:
        if found := pattern.fullmatch(told):
            return found.expand(words)
    return told


def value(error: ValidationError) -> str:
    """What is wrong with a value that was typed."""
    first = error.errors()[0]
    context = first.get("ctx", {})
    if words := _VALUES.get(first["type"]):
        return words.format(input=first["input"], **context)
    return str(context.get("error", first["msg"])).rstrip(".")
