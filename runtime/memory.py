"""How much memory a process takes from everybody else."""

from contextlib import suppress

import psutil


def proportional_bytes(process: psutil.Process) -> int:
    """Memory of a process and all it started, in bytes, with every shared page divided among those who share it (PSS).

    Where the system does not tell PSS (macOS), its unique memory. What we may not look at counts as nothing.
    """
    total = 0
    with suppress(psutil.NoSuchProcess):
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                info = member.memory_full_info()
                total += getattr(info, "pss", info.uss)
    return total
