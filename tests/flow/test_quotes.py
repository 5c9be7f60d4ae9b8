"""What an order costs, whose account it goes under, and the catalog behind both, through the real edge."""

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.flow.conftest import ROOT, Mesh

SAMPLE = "samples/progressive-job.oma"


def test_an_import_shows_the_account_the_price_and_how_each_lens_comes_out(mesh: Mesh) -> None:
    """The demo practice has the account that the sample names."""
    said = mesh.run("orders", "import", SAMPLE)
    assert re.search(r"^Account +100200$", said, re.MULTILINE)
    assert re.search(r"^Price  [A-Z]{3} [\d,]+\.\d\d by the list \S+, ships in \d+ working days?$", said, re.MULTILINE)
    lens = r" +\d\d mm +\d+\.\d\d mm +\d+\.\d\d to \d+\.\d\d mm +\d+\.\d g$"
    for side in (r"Right \(OD\)", r"Left \(OS\)"):
        assert re.search(f"^{side}{lens}", said, re.MULTILINE)
    assert re.search(r"^100200 +main .* the usual one$", mesh.run("orders", "accounts"), re.MULTILINE)


def test_the_quote_of_an_order_is_the_same_for_a_person_and_for_a_program(mesh: Mesh) -> None:
    """`:validate` answers what the order keeps."""
    (imported,) = mesh.documents("orders", "import", SAMPLE)
    name = imported["order"]["name"]
    with mesh.rest() as rest:
        quote = rest.post(f"/{name}:validate", json={}).raise_for_status().json()["quote"]
        assert rest.get(f"/{name}").json()["quote"] == quote == imported["order"]["quote"]
    assert {lens["side"] for lens in quote["lenses"]} == {"SIDE_RIGHT", "SIDE_LEFT"}
    lines = [int(line["amount"]["minorUnits"]) for line in quote["price"]["lines"]]
    assert sum(lines) == int(quote["price"]["total"]["minorUnits"])


@pytest.mark.parametrize(
    ("role", "practice"),
    [("optician", "demo"), ("practice_manager", "demo"), ("principal_engineer", ""), ("lab_operator", "")],
)
def test_the_catalog_is_read_and_watched_by_everybody_who_works_with_it(mesh: Mesh, role: str, practice: str) -> None:
    """The watch begins with the revision in force; resumed after it, it is quiet."""
    with mesh.rest(role, practice) as rest:
        in_force = rest.get("/lims/catalog").raise_for_status().json()
        assert rest.get("/lims/catalog", params={"revision": in_force["revision"]["number"]}).json() == in_force
        first = _first_event(rest, "")
        assert first["update"] == in_force["revision"]
        assert "heartbeat" in _first_event(rest, first["cursor"])
    together = {(each["design"], each["material"]) for each in in_force["availability"]}
    assert {(each["entry"]["id"], one) for each in in_force["designs"] for one in each["materials"]} == together


def _first_event(rest: httpx.Client, cursor: str) -> dict[str, dict[str, str]]:
    with rest.stream("GET", "/lims/catalog:watch", params={"cursor": cursor} if cursor else {}, timeout=30) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        line = next(line for line in stream.iter_lines() if line)
    told: dict[str, dict[str, str]] = json.loads(line.removeprefix("data: "))
    return told


def test_a_file_that_the_lab_imports_is_the_practices_draft(mesh: Mesh) -> None:
    """It says whose by its account, and the practice finds it in its list."""
    with mesh.rest("lab_operator", practice="") as lab, mesh.rest() as practice:
        file = Path(ROOT / SAMPLE).read_bytes()
        answer = lab.post("/labs/main/orders:import", content=file).raise_for_status().json()
        name = answer["order"]["name"]
        assert name.startswith("practices/demo/orders/")
        assert practice.get(f"/{name}").json()["state"] == "STATE_DRAFT"
        assert lab.get(f"/{name}").status_code == httpx.codes.FORBIDDEN
