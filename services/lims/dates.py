"""When a job will be ready, and when it was promised to be.

The two are apart: what was promised stays, what is due follows the work. Due is the present and the working minutes of
all that is still ahead; on hold there is nothing to reckon with.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from rules.calendar import Calendar
from rules.catalog import Station
from services.lims.model import OPEN, Job


def due(job: Job, floor: Mapping[str, Station], calendar: Calendar | None, now: datetime) -> datetime | None:
    """Returns when a job will be ready: after what is left of the station where it is, and of all that are ahead.

    Args:
        job: The job.
        floor: The stations of its revision, by id.
        calendar: When the lab works; None where the revision does not say.
        now: The present.

    Returns:
        None where that is not known: without a calendar, on hold, and behind the end.
    """
    if calendar is None or job.state not in OPEN:
        return None
    begins = now
    if job.arrive_time is not None:
        begins = max(now, calendar.after(job.arrive_time, floor[job.station].minutes))
    ahead = {place for lens in job.progress for place in job.ahead(lens)}
    return calendar.after(begins, sum(floor[job.route[place]].minutes for place in ahead))


def promised(
    job: Job, floor: Mapping[str, Station], calendar: Calendar | None, now: datetime, lead_time_days: int | None
) -> Job:
    """Returns a new job with its dates: when it is due, and the end of so many working days as its promise."""
    promise = None if calendar is None or lead_time_days is None else calendar.working_days_after(now, lead_time_days)
    return replace(job, due_time=due(job, floor, calendar, now), promise_time=promise)
