"""What can be ordered: DescribeLims, GetCatalog, WatchCatalog."""

import re

from lensmesh.lims.v1 import catalog_pb2
from lensmesh.lims.v1.lims_service_pb2 import DescribeLimsRequest, GetCatalogRequest, WatchCatalogRequest
from lensmesh.lims.v1.lims_service_pb2_grpc import LimsServiceStub

from tests.contract.lims.calls import Metadata


def test_a_lims_says_which_lab_it_runs_and_under_which_revision(grpc_stub: LimsServiceStub, order: Metadata) -> None:
    """The starter catalog is in force as revision 1, addressed by its content."""
    described = grpc_stub.DescribeLims(DescribeLimsRequest(), metadata=order)

    assert (described.lab, described.contract_version, described.revision.number) == ("labs/main", "1", 1)
    assert re.fullmatch("[0-9a-f]{64}", described.revision.digest)
    assert described.revision.publish_time.seconds


def test_the_catalog_in_force_is_the_answer_to_revision_0(grpc_stub: LimsServiceStub, order: Metadata) -> None:
    """Asking for no revision and for the one in force is the same."""
    in_force = grpc_stub.GetCatalog(GetCatalogRequest(), metadata=order)

    assert in_force == grpc_stub.GetCatalog(GetCatalogRequest(revision=in_force.revision.number), metadata=order)


def test_the_catalog_names_designs_materials_and_what_partners_call_them(
    grpc_stub: LimsServiceStub, order: Metadata
) -> None:
    """A partner's code leads to exactly one entry."""
    catalog = grpc_stub.GetCatalog(GetCatalogRequest(), metadata=order)

    designs = {each.entry.id: each for each in catalog.designs}
    assert designs["comfort-pal"].type == catalog_pb2.DESIGN_TYPE_PROGRESSIVE
    assert "mr8" in designs["comfort-pal"].materials
    known_as = {
        (code.label, code.code): each.entry.id
        for each in (*catalog.designs, *catalog.materials)
        for code in each.entry.partner_codes
    }
    assert known_as["LNAM", "2950"] == "comfort-pal"
    assert known_as["LMATID", "101"] == "cr39"
    material = next(each for each in catalog.materials if each.entry.id == "cr39")
    assert (material.index, material.wavelength) == (1.498, 587.56)


def test_a_watch_of_the_catalog_begins_with_the_revision_in_force(grpc_stub: LimsServiceStub, order: Metadata) -> None:
    """So a client that watches never has to ask first."""
    watch = grpc_stub.WatchCatalog(WatchCatalogRequest(), metadata=order, timeout=10)
    first = next(watch)

    assert first.update == grpc_stub.DescribeLims(DescribeLimsRequest(), metadata=order).revision
    watch.cancel()


def test_a_watch_of_the_catalog_resumed_from_its_cursor_says_nothing_twice(
    grpc_stub: LimsServiceStub, order: Metadata
) -> None:
    """What comes after the cursor is a heartbeat, until something is published."""
    watch = grpc_stub.WatchCatalog(WatchCatalogRequest(), metadata=order, timeout=10)
    cursor = next(watch).cursor
    watch.cancel()

    resumed = grpc_stub.WatchCatalog(WatchCatalogRequest(cursor=cursor), metadata=order, timeout=10)
    assert [next(resumed).WhichOneof("event") for _ in range(3)] == ["heartbeat"] * 3
    resumed.cancel()


def test_a_watch_of_the_catalog_from_the_beginning_tells_every_revision(
    grpc_stub: LimsServiceStub, order: Metadata
) -> None:
    """Cursor "0" is before the first event kept."""
    watch = grpc_stub.WatchCatalog(WatchCatalogRequest(cursor="0"), metadata=order, timeout=10)
    update = next(message.update for message in watch if message.WhichOneof("event") == "update")
    watch.cancel()

    assert update.number == 1
