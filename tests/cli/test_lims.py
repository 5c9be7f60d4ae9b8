"""The `lims` commands, in a stand-in lab."""

import json

import pytest
from lensmesh.type.v1.prescription_pb2 import Side

from runtime import state
from runtime.state import MeshState, ProcessId
from tests.cli.conftest import Lensmesh
from tests.cli.lab import ROUTE, ServedLab


def test_jobs_are_listed_with_their_way(served: ServedLab, lensmesh: Lensmesh) -> None:
    """By state, and with a word when there are more."""
    for number in (1, 2, 3):
        served.lab.add(number)
    served.lab.move("jobs/2", "edging")
    done = lensmesh("lims", "jobs")
    assert "jobs/2 IN_PRODUCTION edging 2 of 3 comfort-pal" in done.words
    assert done.out.count("jobs/") == 3, "the lab gives two a page"
    assert "There are more than these 2" in lensmesh("lims", "jobs", "--limit", "2").out
    assert max(map(len, done.out.splitlines())) <= 80
    (page,) = lensmesh("lims", "jobs", "--state", "in_production", "--json").documents
    assert [job["name"] for job in page["jobs"]] == ["jobs/2"]


def test_a_job_is_shown_with_all_that_happened_to_it(served: ServedLab, lensmesh: Lensmesh) -> None:
    """By its number or its name; as JSON the job, then the pages of its events."""
    served.lab.add(7)
    for station in ROUTE:
        served.lab.move("jobs/7", station)
    done = lensmesh("lims", "job", "7")
    assert "route: surfacing > edging > shipping" in done.out
    for what in ("RECEIVED Received", "IN_PRODUCTION edging Edging", "SHIPPED shipping Shipping"):
        assert what in done.words
    job, *pages = lensmesh("lims", "job", "jobs/7", "--json").documents
    assert job["state"] == "STATE_SHIPPED"
    assert [event["sequence"] for page in pages for event in page["events"]] == ["1", "2", "3", "4"]


def test_a_jobs_plan_is_what_it_was_accepted_by(served: ServedLab, lensmesh: Lensmesh) -> None:
    """Its decision, as it is kept with it."""
    served.lab.add(7)
    decided = served.lab.decided.decision
    decided.accepted, decided.catalog_revision, decided.engine_version = True, 3, "1"
    decided.route.extend(ROUTE)
    decided.lenses.add(side=Side.SIDE_RIGHT, blank="sf-cr39-400-70", base=4, front=4.05, estimated=True)
    done = lensmesh("lims", "job", "7", "--plan")
    for what in ("jobs/7 can be made", "blank sf-cr39-400-70", "of a common shape: no trace"):
        assert what in done.words
    assert lensmesh("lims", "job", "7", "--plan", "--json").documents[-1]["engineVersion"] == "1"


@pytest.mark.usefixtures("served")
def test_the_catalog_is_shown_with_the_names_in_files(lensmesh: Lensmesh) -> None:
    """What an order can choose by `--design`, and what a file calls it."""
    done = lensmesh("lims", "catalog")
    assert "Catalog revision 3" in done.out
    assert "comfort-pal Comfort progressive progressive · made in cr39 · in files LNAM=2950" in done.words
    assert lensmesh("lims", "catalog", "--json").documents[0]["revision"]["number"] == "3"


@pytest.mark.usefixtures("served")
def test_a_refusal_of_the_lab_is_a_sentence(lensmesh: Lensmesh) -> None:
    """As JSON it has the shape of REST."""
    done = lensmesh("lims", "job", "9")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("lensmesh: There is no jobs/9.\n")
    refusal = json.loads(lensmesh("lims", "job", "9", "--json").err)
    assert (refusal["code"], refusal["details"][0]["reason"]) == (5, "NOT_FOUND")
    assert "`seven` is no job's number" in lensmesh("lims", "job", "seven").err


def test_a_lab_that_does_not_answer_is_a_sentence(served: ServedLab, lensmesh: Lensmesh) -> None:
    """With the command that says what is the matter."""
    state.write(MeshState(served.home, ProcessId.own(), {"http_port": 1, "grpc_port": 1}))
    done = lensmesh("lims", "catalog")
    assert done.code == 1
    assert "Nothing answers at localhost:1" in done.err
    assert "`bin/lensmesh status`" in done.err
