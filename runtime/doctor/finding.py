"""What a check finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing stands, and what to do about it."""

    check: str
    """What was looked at: `disk`, `schema of order`."""
    good: bool
    says: str
    """One sentence, with the figures."""
    way_out: str = ""
    """What to do; empty when there is nothing to do."""


Found = tuple[bool, str, str]
"""Whether it is good, what it says, and what to do when it is not."""


def judge(check: str, look: Callable[[], Found]) -> Finding:
    """Run one check. One that itself fails is a finding as well: a doctor does not faint."""
    try:
        good, says, way_out = look()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks go on
        return Finding(
            check,
            good=False,
            says=f"could not be looked at: {str(error) or type(error).__name__}",
            way_out="See whether another finding explains it; else look at the processes (`bin/lensmesh status`) and "
            "their logs.",
        )
    return Finding(check, good, says, "" if good else way_out)


def judge_all(checks: dict[str, Callable[[], Found]]) -> Iterator[Finding]:
    """Run checks by name, in their order."""
    return (judge(name, look) for name, look in checks.items())
