"""A process that leads, until it is paused or killed: `python leader.py SERVICE_URL RELAY_URL`."""

import asyncio
import sys

from chassis.database import Database
from chassis.election import lead


async def work() -> None:
    """Says when it begins and when it is taken away."""
    print("LEADS", flush=True)  # noqa: T201 -- to the test
    try:
        await asyncio.Event().wait()
    finally:
        print("GONE", flush=True)  # noqa: T201 -- to the test


if __name__ == "__main__":
    asyncio.run(lead(Database(sys.argv[1], sys.argv[2], pool=1), "work", work))
