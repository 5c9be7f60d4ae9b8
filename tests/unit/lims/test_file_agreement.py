"""A lab file means the same to the lab that tries it and to the order service that imports it."""

from datetime import UTC, datetime

import pytest
from lensmesh.lims.v1.job_pb2 import JobSpec

from optics.dcs.interpretation import interpret
from optics.dcs.records import parse
from rules import lab_file
from rules.catalog import Catalog
from rules.load import load
from runtime.settings import PROJECT
from services.lims import messages, starter
from services.lims.model import Revision
from services.order import lab_file as of_orders

SAMPLE = (PROJECT / "samples" / "progressive-job.oma").read_bytes()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The starter catalog."""
    return load(starter.files())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", b""),
        (b"DO=B", b"DO=L"),
        (b"AX=175;10", b"AX=0;10"),
        (b"CYL=-0.75;-1.00", b"CYL=0.00;-1.00"),
        (b"ADD=2.00;2.00", b"ADD=0.00;0.00"),
        (b"HBOX=51.82;51.82", b"HBOX=51.82;51.90"),
        (b"FTYP=1", b"FTYP=3"),
        (b"ETYP=1", b"ETYP=-1"),
        (b"BVD=13.00;13.00", b"PRVM=1.00;2.00\r\nPRVA=0;90"),
        (b"ACOAT=HC-AR", b"ACOAT=NOBODY"),
    ],
)
def test_what_a_file_orders_is_what_it_is_decided_by(catalog: Catalog, old: bytes, new: bytes) -> None:
    """Field by field, whatever the file says."""
    job = interpret(parse(SAMPLE.replace(old, new) if old else SAMPLE))
    told = messages.catalog_message(Revision(1, "", datetime.now(UTC)), catalog)
    order = of_orders.draft(job, told, {}, {}).content

    imported = JobSpec(eyes=order.eyes, prescription=order.prescription, frame=order.frame, lens=order.lens)
    assert messages.spec(messages.ordered(imported)) == messages.spec(
        messages.ordered(messages.spec_message(lab_file.read(job, catalog).spec))
    )
