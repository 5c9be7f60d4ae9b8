"""Lab files as drafts: what they say, and what their lens names mean."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lensmesh.lims.v1.catalog_pb2 import Catalog, Design, Entry, Material, PartnerCode
from lensmesh.type.v1 import frame_pb2, prescription_pb2
from lensmesh.type.v1.violation_pb2 import SEVERITY_WARNING

from services.order import lab_file
from services.order.errors import CatalogEntryUnknown, FileIncomplete, FileUnreadable

ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT.parent / "shared" / "data" / "oma"

JOB = """REQ=LMS
JOB=T-17
DO=B
SPH=-1.00;+0.50
CYL=-0.75;0.00
AX=90;12
ADD=2.00;2.00
PRVM=2.00;2.00
PRVA=0.00;0.00
IPD=31.00;32.50
SEGHT=18.00;18.50
HBOX=52.00;51.98
VBOX=36.00;36.02
DBL=18.00
FTYP=2
ETYP=1
LNAM=ACME-1;ACME-1
LMATID=16;16
ACOAT=TOP;TOP
"""


def catalog() -> Catalog:
    """Returns a lab's catalog in small."""
    return Catalog(
        designs=[
            Design(entry=entry("acme-comfort", "Acme comfort", LNAM="ACME-1")),
            Design(entry=entry("acme-sport", "Acme sport", LNAM="ACME-2")),
            Design(entry=entry("basic-sv", "Basic single vision")),
        ],
        materials=[Material(entry=entry("mr8", "MR-8 1.60", LMATID="16")), Material(entry=entry("cr39", "CR-39"))],
        coatings=[entry("top", "Top coat", ACOAT="TOP")],
    )


def entry(identifier: str, name: str, **codes: str) -> Entry:
    """Returns a catalog entry with its partners' codes."""
    return Entry(id=identifier, name=name, partner_codes=[PartnerCode(label=k, code=v) for k, v in codes.items()])


def draft(text: str, remembered: lab_file.Names | None = None, **chosen: str) -> lab_file.Draft:
    """Returns a file as a draft."""
    return lab_file.draft(lab_file.read(text.encode()), catalog(), remembered or {}, chosen)


def test_both_eyes_and_the_frame_stand_as_in_the_file() -> None:
    """Powers, measures and boxing carry over in the contract's units."""
    content = draft(JOB).content
    right, left = content.prescription.right, content.prescription.left
    assert (right.sphere, right.cylinder, right.axis, right.add) == (-1.0, -0.75, 90, 2.0)
    assert (left.sphere, left.cylinder, left.add) == (0.5, 0.0, 2.0)
    assert (right.distance_pd, left.distance_pd, right.fitting_height, left.fitting_height) == (31.0, 32.5, 18.0, 18.5)
    assert content.eyes == prescription_pb2.EYES_BOTH
    assert content.frame.material == frame_pb2.FRAME_MATERIAL_METAL
    assert content.frame.edge_type == frame_pb2.EDGE_TYPE_BEVEL
    assert content.customer_reference == "T-17"


def test_an_axis_without_a_cylinder_is_not_ordered() -> None:
    """Partners write an axis beside a cylinder of nothing."""
    assert not draft(JOB).content.prescription.left.HasField("axis")


def test_the_larger_box_is_taken_where_the_eyes_differ() -> None:
    """Both lenses must fit the frame."""
    frame = draft(JOB).content.frame
    assert (frame.a, frame.b, frame.dbl) == (52.0, 36.02, 18.0)


def test_prism_at_base_zero_is_base_in_on_the_right_and_out_on_the_left() -> None:
    """DCS gives one direction for both eyes; nasal lies to opposite sides."""
    content = draft(JOB).content
    assert content.prescription.right.prism_horizontal == 2.0
    assert content.prescription.left.prism_horizontal == -2.0


def test_a_partners_name_in_the_catalog_is_the_entry() -> None:
    """Known names are mapped without a word."""
    made = draft(JOB)
    assert (made.content.lens.design, made.content.lens.material) == ("acme-comfort", "mr8")
    assert list(made.content.lens.coatings) == ["top"]
    assert made.violations == []


def test_an_unknown_name_leaves_the_field_empty_and_lists_the_nearest() -> None:
    """No silent substitute, however near."""
    made = draft(JOB.replace("ACME-1", "ACMESPORT"))
    assert made.content.lens.design == ""
    (violation,) = made.violations
    assert (violation.field, violation.code) == ("lens.design", "UNKNOWN_LENS_NAME")
    assert violation.alternatives[0] == "acme-sport"
    assert "ACMESPORT" in violation.message
    assert "acme-sport" in violation.message


def test_a_name_that_nothing_reads_like_has_no_nearest() -> None:
    """Three entries that have a letter in common with it would be a guess."""
    (violation,) = draft(JOB.replace("ACME-1", "XYZ-77")).violations
    assert list(violation.alternatives) == []
    assert violation.message == (
        "LNAM='XYZ-77' is in neither the lab's catalog nor your remembered names; choose a design from the catalog."
    )


def test_what_is_remembered_is_said() -> None:
    """Once for each choice, with the practice it holds for; a choice for no name of the file is not remembered."""
    chosen = {"design": "acme-sport", "material": "cr39"}
    made = draft(JOB.replace("LMATID=16;16\n", ""), **chosen)
    told = [(each.label, each.message) for each in lab_file.told_of_memory(made, chosen, "practices/demo")]
    assert list(lab_file.to_remember(made, chosen)) == [("LNAM", "ACME-1", "acme-sport")]
    assert told == [
        ("LNAM", "remembered: LNAM=ACME-1 means acme-sport for practices/demo"),
        ("LMATID", "the choice of material is not remembered: the file has no LMATID, or more than one"),
    ]


def test_a_remembered_name_goes_before_the_catalogs() -> None:
    """What the practice decided holds for the practice."""
    made = draft(JOB, remembered={("LNAM", "ACME-1"): "basic-sv"})
    assert made.content.lens.design == "basic-sv"


def test_a_choice_goes_before_everything() -> None:
    """The caller chooses whatever the file names."""
    made = draft(JOB.replace("LNAM=ACME-1;ACME-1", "LNAM=X;Y"), design="acme-sport", material="cr39")
    assert (made.content.lens.design, made.content.lens.material) == ("acme-sport", "cr39")
    assert made.violations == []


def test_a_choice_that_is_not_in_the_catalog_is_refused_with_the_nearest() -> None:
    """A typing error is not an order."""
    with pytest.raises(CatalogEntryUnknown, match="perhaps acme-sport or acme-comfort is meant"):
        draft(JOB, design="acme-sprot")
    with pytest.raises(CatalogEntryUnknown, match="nor anything that reads like it"):
        draft(JOB, design="zzz")


def test_different_lenses_for_right_and_left_are_a_violation() -> None:
    """An order has one design; the file's two are named."""
    (violation,) = draft(JOB.replace("LNAM=ACME-1;ACME-1", "LNAM=ACME-1;ACME-2")).violations
    assert violation.code == "DIFFERENT_LENSES"
    assert "'ACME-1' and 'ACME-2'" in violation.message


def test_one_eye_is_ordered_alone() -> None:
    """DO=R orders the right lens and says nothing of the left."""
    content = draft(JOB.replace("DO=B", "DO=R")).content
    assert content.eyes == prescription_pb2.EYES_RIGHT
    assert not content.prescription.HasField("left")


def test_a_patients_name_is_left_out_and_said_so() -> None:
    """The order holds the practice's number; the name stays in the file."""
    made = draft(JOB + "CLIENT=588\nCLNAME=Jane Example\n")
    assert made.content.patient_reference == "588"
    assert b"Jane" not in made.content.SerializeToString()
    assert any("name" in note.message and "Jane" not in note.message for note in made.diagnostics)


def test_a_file_without_a_prescription_is_refused_by_what_it_lacks() -> None:
    """A frame record is no order."""
    with pytest.raises(FileIncomplete, match="SPH"):
        lab_file.read(b"REQ=FRM\nHBOX=52.00;52.00\nVBOX=36.00;36.00\nDBL=18.00\n")


def test_an_unusable_sphere_is_a_missing_one() -> None:
    """A typing error never becomes plano."""
    with pytest.raises(FileIncomplete, match="SPH"):
        lab_file.read(JOB.replace("SPH=-1.00;+0.50", "SPH=-1.OO;+0.50").encode())


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"\x89PNG\r\n\x1a\n", b"\x1cREQ=LMS\r", b"hello"])
def test_what_is_no_lab_file_is_refused(data: bytes) -> None:
    """Empty, NUL, binary, a truncated packet, prose."""
    with pytest.raises(FileUnreadable):
        lab_file.read(data)


@settings(max_examples=200)
@given(st.binary(max_size=2000))
def test_no_bytes_make_anything_but_a_refusal_or_a_draft(data: bytes) -> None:
    """Nothing crashes the reader."""
    with contextlib.suppress(FileUnreadable, FileIncomplete):
        lab_file.draft(lab_file.read(data), catalog(), {}, {})


@pytest.mark.skipif(not REAL.exists(), reason="the real files lie beside the project in ../shared, not in it")
def test_the_real_job_is_read_as_its_lab_wrote_it() -> None:
    """R360_3: both eyes' powers, A 51, B 44, DBL 20, monocular PDs and heights."""
    job = lab_file.read((REAL / "R360_3.oma").read_bytes())
    content = lab_file.draft(job, catalog(), {}, {}).content
    right, left = content.prescription.right, content.prescription.left
    assert (right.sphere, right.cylinder, right.axis, right.add) == (-0.5, -1.25, 140, 1.25)
    assert (left.sphere, left.cylinder, left.axis, left.add) == (0.5, -3.0, 15, 1.25)
    assert (content.frame.a, content.frame.b, content.frame.dbl) == (51.0, 44.01, 20.0)
    assert (right.distance_pd, left.distance_pd, right.fitting_height, left.fitting_height) == (31, 31, 16, 16)
    assert len(content.frame.trace.right.radii) == 360


# -- accounts


def drafted_for(account: str, *own: str) -> lab_file.Draft:
    """Returns a file for an account as the draft of a practice with these accounts."""
    file = f"{JOB}ACCN={account}\n" if account else JOB
    return lab_file.draft(lab_file.read(file.encode()), catalog(), {}, {}, own)


@pytest.mark.parametrize("own", [("100200",), ("100100", "100200")])
def test_a_file_for_an_account_of_the_practice_is_ordered_under_it(own: tuple[str, ...]) -> None:
    """Whether or not it is the usual one."""
    draft = drafted_for("100200", *own)
    assert (draft.content.account, draft.violations) == ("100200", [])


def test_a_file_without_an_account_names_none() -> None:
    """It goes under the usual one, and there is nothing to say about it."""
    draft = drafted_for("", "100200")
    assert (draft.content.account, draft.violations) == ("", [])


@pytest.mark.parametrize(("own", "instead"), [((), "no account"), (("100200", "100300"), "your usual account, 100200")])
def test_a_file_for_an_account_that_is_not_known_says_what_is_done_instead(own: tuple[str, ...], instead: str) -> None:
    """The order can be made all the same."""
    draft = drafted_for("777", *own)
    (said,) = draft.violations
    assert draft.content.account == ""
    assert (said.code, said.field, said.severity) == ("UNKNOWN_ACCOUNT", "account", SEVERITY_WARNING)
    assert list(said.alternatives) == list(own)
    assert "777" in said.message
    assert instead in said.message
