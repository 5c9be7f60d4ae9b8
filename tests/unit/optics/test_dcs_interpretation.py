import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optics.dcs.diagnostics import Severity
from optics.dcs.errors import DcsError, TooLargeError
from optics.dcs.interpretation import interpret
from optics.dcs.job import DcsJob, EdgeType, EyesToMake, FrameType, LensCodes
from optics.dcs.labels import LABELS
from optics.dcs.records import parse
from optics.dcs.traces import MAX_TRACES
from optics.eyes import Side
from optics.prism import Prism
from optics.trace import MAX_RADII


def read(*records: str) -> DcsJob:
    """Return the job the records describe."""
    return interpret(parse("\n".join(records).encode()))


def remarks(job: DcsJob) -> list[tuple[Severity, str, int]]:
    """Return what was remarked, without the sentences."""
    return [(note.severity, note.label, note.line) for note in job.diagnostics]


def circle(side: str = "R", count: int = 400, radius: int = 25_00) -> tuple[str, ...]:
    """Return the records of a round trace, 50 mm across unless told otherwise."""
    return (f"TRCFMT=1;{count};E;{side};F", *[f"R={radius}"] * count)


def test_values_are_right_then_left() -> None:
    """The first slot is the right eye's, the second the left one's."""
    job = read("SPH=-1.25;-1.50", "CYL=-0.50;-0.75", "AX=90;85", "ADD=2.00;2.25", "IPD=31.5;32", "NPD=29.5;30")
    assert (job.right.prescription.sphere, job.left.prescription.sphere) == (-125, -150)
    assert (job.right.prescription.cylinder, job.left.prescription.cylinder) == (-50, -75)
    assert (job.right.prescription.axis, job.left.prescription.axis) == (90, 85)
    assert (job.right.prescription.add, job.left.prescription.add) == (200, 225)
    assert (job.right.centration.distance_pd, job.left.centration.distance_pd) == (3150, 3200)
    assert (job.right.centration.near_pd, job.left.centration.near_pd) == (2950, 3000)
    assert job.eye(Side.RIGHT) is job.right
    assert job.eye(Side.LEFT) is job.left
    assert job.diagnostics == ()


def test_a_single_value_applies_to_both_eyes() -> None:
    """One slot stands for right and left."""
    job = read("SPH=-1.25", "LNAM=PLAIN")
    assert job.right.prescription.sphere == job.left.prescription.sphere == -125
    assert job.right.lens.design == job.left.lens.design == "PLAIN"


@pytest.mark.parametrize(("value", "right", "left"), [("33;", 3300, None), (";33", None, 3300), ("?;33", None, 3300)])
def test_an_empty_or_unknown_slot_is_absent(value: str, right: int | None, left: int | None) -> None:
    """Nothing and a question mark both mean that the file does not say; neither is odd."""
    job = read(f"IPD={value}")
    assert (job.right.centration.distance_pd, job.left.centration.distance_pd) == (right, left)
    assert job.diagnostics == ()


@pytest.mark.parametrize("value", ["", "?", "?;?", "?;", " ; "])
def test_a_label_without_a_value_is_absent(value: str) -> None:
    """A label may stand there and say nothing."""
    job = read(f"SPH={value}", f"LNAM={value}", f"CLIENT={value}", f"CLNAME={value}", f"DO={value}", "JOB=1")
    assert job.right.prescription.sphere is None
    assert job.right.lens.design is None
    assert (job.patient_number, job.patient_named, job.eyes_to_make) == (None, False, None)
    assert job.diagnostics == ()


def test_slots_beyond_right_and_left_are_ignored_with_a_warning() -> None:
    """Of three values the first two are used."""
    job = read("SPH=1;2;3", "DBL=18;19")
    assert (job.right.prescription.sphere, job.left.prescription.sphere, job.frame.dbl) == (100, 200, 1800)
    assert remarks(job) == [(Severity.WARNING, "SPH", 1), (Severity.WARNING, "DBL", 2)]


@pytest.mark.parametrize("value", ["abc", "nan", "1e1", "-1,25", "-1.125", "-40.01", "9" * 500])
def test_a_number_that_cannot_be_used_is_absent_and_named(value: str) -> None:
    """Not a number, off the lattice or out of range: the eye has no sphere, and the raw text stays in the records."""
    file = parse(f"JOB=1\nSPH={value};-1.00".encode())
    job = interpret(file)
    assert (job.right.prescription.sphere, job.left.prescription.sphere) == (None, -100)
    assert remarks(job) == [(Severity.ERROR, "SPH", 2)]
    assert "sphere of the right eye" in job.diagnostics[0].message
    assert file.records[1].value == f"{value};-1.00"


@pytest.mark.parametrize("name", [name for name, label in LABELS.items() if label.lattice])
def test_every_numeric_label_holds_its_range(name: str) -> None:
    """The ends of a range are used; one step beyond is an error."""
    lattice = LABELS[name].lattice
    assert lattice is not None
    for number, wanted in ((lattice.low, 0), (lattice.high, 0), (lattice.low - 1, 1), (lattice.high + 1, 1)):
        job = read(f"{name}={number / 10**lattice.places};?")
        errors = [note for note in job.diagnostics if note.severity is Severity.ERROR and "outside" in note.message]
        assert len(errors) == wanted, (name, number)


def test_a_binocular_pd_under_a_monocular_label_is_noticed() -> None:
    """62 mm is no distance from the nose to a pupil."""
    job = read("IPD=62")
    assert job.right.centration.distance_pd is None
    assert "monocular" in job.diagnostics[0].message


def test_an_axis_of_0_is_an_axis_of_180() -> None:
    """Both name the same meridian; the trade writes 180."""
    job = read("AX=0;180.00")
    assert (job.right.prescription.axis, job.left.prescription.axis) == (180, 180)


def test_a_repeated_label_keeps_its_first_value() -> None:
    """The repetition is named once; labels that may be repeated, and those the reader does not know, are left alone."""
    job = read("SPH=1", "XSTATUS=R;1;x;W", "XSTATUS=L;1;x;W", "_X=1", "_X=2", "REM=a", "REM=b", "SPH=2", "SPH=3")
    assert job.right.prescription.sphere == 100
    assert remarks(job) == [(Severity.WARNING, "SPH", 8)]
    assert "3 times; the one in line 1" in job.diagnostics[0].message


def test_lines_that_are_no_records_are_reported_without_quoting_them() -> None:
    """What stands there may be anything, a name for instance; however many there are, it is said once."""
    job = read("JOB=1", "", "Ann Example", "Ben Example")
    assert remarks(job) == [(Severity.WARNING, "", 3)]
    assert "2 such" in job.diagnostics[0].message
    assert "Ann" not in job.diagnostics[0].message


# -- prism -----------------------------------------------------------------------------------------------------------


def test_prism_is_given_as_base_in_and_base_up() -> None:
    """At a setting of 0 degrees the base is in on the right and out on the left."""
    job = read("PRVM=1.00;2.00", "PRVA=0;0")
    assert (job.right.prescription.prism, job.left.prescription.prism) == (Prism(100, 0), Prism(-200, 0))


def test_negative_prism_is_normalised_with_a_warning() -> None:
    """A negative setting is turned by 360 degrees; of a negative magnitude the sign is dropped."""
    job = read("PRVM=-1.28;-1.25", "PRVA=173;-3")
    assert job.right.prescription.prism == Prism(-127, 16)
    assert job.left.prescription.prism == Prism(-125, -7)
    assert [(note.severity, note.label) for note in job.diagnostics] == [
        (Severity.WARNING, "PRVM"),
        (Severity.WARNING, "PRVM"),
        (Severity.WARNING, "PRVA"),
    ]
    assert "357.00" in job.diagnostics[2].message


def test_a_direction_without_a_magnitude_is_no_prism() -> None:
    """A setting beside a magnitude of zero means nothing, and a setting alone is no prism at all."""
    assert read("PRVM=0.00;0.00", "PRVA=270.00;270.00").right.prescription.prism == Prism(0, 0)
    assert read("PRVA=270.00").right.prescription.prism is None
    assert read("PRVM=0.00").right.prescription.prism == Prism(0, 0)


def test_a_prism_without_a_direction_is_an_error() -> None:
    """Where its base lies cannot be guessed."""
    job = read("PRVM=1.00;0.00")
    assert job.right.prescription.prism is None
    assert remarks(job) == [(Severity.ERROR, "PRVM", 1)]


# -- job, frame and lens ---------------------------------------------------------------------------------------------


def test_the_job_is_identified_by_its_labels() -> None:
    """Job number, account, reference and request are carried as text, quoted or not."""
    job = read('JOB="1471"', "ACCN=999", "RXNM=A-1", "REQ=FIL", "CLIENT=588")
    assert (job.job_id, job.account, job.customer_reference, job.request) == ("1471", "999", "A-1", "FIL")
    assert (job.patient_number, job.patient_named) == ("588", False)


def test_a_patients_name_goes_no_further_than_the_records() -> None:
    """A name is noted, and neither the job nor its diagnostics repeat it."""
    job = read("CLNAME=Example", "CLIENT=Ann Example", "JOB=1")
    assert job.patient_named
    assert job.patient_number is None
    assert remarks(job) == [(Severity.WARNING, "CLIENT", 2)]
    assert "Example" not in repr(job)


@pytest.mark.parametrize(
    ("client", "number"),
    [("588", "588"), ("P-10442", "P-10442"), ("2024/117", "2024/117"), ("Doe", None), ("J 1", None)],
)
def test_a_patients_number_is_carried_and_a_text_is_not(client: str, number: str | None) -> None:
    """Digits with a short prefix are a number; anything else may be a name."""
    assert read(f"CLIENT={client}").patient_number == number


@pytest.mark.parametrize("value", list(EyesToMake))
def test_the_eyes_to_make_are_both_right_left_or_none(value: EyesToMake) -> None:
    """DO takes four letters."""
    assert read(f"DO={value}").eyes_to_make is value


@pytest.mark.parametrize("value", ["HOME", "b", "1", "RL"])
def test_another_use_of_do_is_an_error(value: str) -> None:
    """A tool that writes its delivery option under DO does not decide which lenses are made."""
    job = read(f"DO={value}")
    assert job.eyes_to_make is None
    assert remarks(job) == [(Severity.ERROR, "DO", 1)]


def test_the_fitting_height_is_seght_else_ocht_and_says_which() -> None:
    """Each eye takes SEGHT if it has one."""
    job = read("SEGHT=19.00;?", "OCHT=17.00;17.50")
    assert (job.right.centration.fitting_height, job.right.centration.fitting_height_label) == (1900, "SEGHT")
    assert (job.left.centration.fitting_height, job.left.centration.fitting_height_label) == (1750, "OCHT")
    assert read("JOB=1").right.centration.fitting_height_label is None


def test_the_frame_is_read() -> None:
    """Box, bridge, types and position of wear, each under the trade's word for it."""
    job = read(
        *("HBOX=52.00;52.10", "VBOX=38.00", "DBL=18", "FED=54.5", "CIRC=150.759", "FTYP=1", "ETYP=3"),
        *("ZTILT=5;6", "PANTO=8", "BVD=13.5"),
    )
    assert (job.right.shape.a, job.left.shape.a, job.right.shape.b) == (5200, 5210, 3800)
    assert (job.right.shape.effective_diameter, job.right.shape.circumference) == (5450, 150_759)
    assert (job.frame.dbl, job.frame.frame_type, job.frame.edge_type) == (1800, FrameType.PLASTIC, EdgeType.GROOVE)
    assert (job.right.position_of_wear.wrap, job.left.position_of_wear.wrap) == (500, 600)
    assert (job.right.position_of_wear.pantoscopic_tilt, job.right.position_of_wear.vertex_distance) == (800, 1350)


def test_a_vendors_edge_type_is_left_raw() -> None:
    """Reserved and private codes are noted; text in the place of a code is an error."""
    assert remarks(read("ETYP=33")) == [(Severity.INFO, "ETYP", 1)]
    assert remarks(read("ETYP=GROOVE")) == [(Severity.ERROR, "ETYP", 1)]
    assert read("ETYP=33").frame.edge_type is None


@pytest.mark.parametrize("record", ["FRNT=5.460;5.460", "FRNT=85.68", "FCRV=6.00;5.00"])
def test_a_curve_of_unknown_unit_is_left_as_written(record: str) -> None:
    """FRNT was seen in dioptres of two indices and in millimetres; nothing is made of it."""
    file = parse(record.encode())
    label, value = record.split("=")
    assert file.records[0].value == value
    assert remarks(interpret(file)) == [(Severity.INFO, label, 1)]


def test_a_frame_curve_is_carried_raw() -> None:
    """It is text, right and left."""
    job = read("FCRV=6.00;5.0")
    assert (job.right.frame_curve_raw, job.left.frame_curve_raw) == ("6.00", "5.0")


def test_lens_codes_are_the_partners_text() -> None:
    """Nothing is made of a partner's codes, numbers or not: leading zeros, spaces inside and case stay."""
    job = read(
        *("LNAM=A;b", "LMATID=047;101", "LMATNAME=One", "LIND=1.498", "LTYP=PR", "LTYPE=PR FF;?"),
        *("COLR=CLEAR", "TINT=;G15", "ACOAT=SC;SC", "OPC=63903"),
    )
    assert job.right.lens == LensCodes("A", "047", "One", "1.498", "PR FF", "CLEAR", None, "SC", "63903")
    assert job.left.lens == LensCodes("b", "101", "One", "1.498", "PR", "CLEAR", "G15", "SC", "63903")
    assert remarks(job) == [(Severity.INFO, "OPC", 10)]


# -- traces ----------------------------------------------------------------------------------------------------------


def test_a_trace_is_gathered_from_the_records_that_follow_it() -> None:
    """Rows may be of any length and end in a semicolon; records of thickness between are not radii."""
    rows = ("R=2500;2501;", *["R=2500;2500;2500"] * 132, "STHKFMT=1;2;E;R", "R=100;100", "T=2;2")
    job = read("TRCFMT=1;398;E;R;F", *rows)
    assert job.right.trace is not None
    assert job.right.trace.radii[:3] == (2500, 2501, 2500)
    assert job.left.trace is None


def test_an_uneven_trace_takes_its_angles_from_a() -> None:
    """Mode U reads hundredths of a degree."""
    angles = tuple(range(0, 360_00, 100))
    job = read("TRCFMT=1;360;U;L;F", *["R=2500"] * 360, *[f"A={angle}" for angle in angles])
    assert job.left.trace is not None
    assert job.left.trace.angles == angles


def test_a_box_that_is_not_stated_comes_from_the_trace() -> None:
    """The sizes are filled in, and each says so."""
    job = read("JOB=1", *circle())
    assert (job.right.shape.a, job.right.shape.b, job.right.shape.effective_diameter) == (5000, 5000, 5000)
    assert job.right.shape.circumference == 157_078
    assert remarks(job) == [(Severity.INFO, label, 2) for label in ("HBOX", "VBOX", "FED", "CIRC")]
    assert (job.left.shape.a, job.left.shape.circumference) == (None, None)


@pytest.mark.parametrize(
    ("record", "flagged"),
    [
        ("HBOX=50.10", False),
        ("HBOX=50.11", True),
        ("VBOX=49.90", False),
        ("VBOX=49.89", True),
        ("CIRC=157.178", False),
        ("CIRC=157.179", True),
        ("FED=60.00", False),
    ],
)
def test_a_stated_size_is_held_against_the_trace(record: str, flagged: bool) -> None:  # noqa: FBT001 - a test's column
    """More than 0.1 mm apart is worth a look; the stated value stands."""
    job = read(record, *circle())
    assert ((Severity.WARNING, record.partition("=")[0], 1) in remarks(job)) is flagged


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("TRCFMT=1;401;E;R;F", "announces 401 radii and 400 follow"),
        ("TRCFMT=1;;E;R;F", "announces no radii"),
        ("TRCFMT=1;many;E;R;F", "not a plain decimal"),
        ("TRCFMT=1;400;E;B;F", "side 'B'"),
        ("TRCFMT=1;400;E", "side ''"),
        ("TRCFMT=1;400;X;R;F", "mode 'X'"),
        ("TRCFMT=1;400;U;R;F", "0 angles for 400 radii"),
    ],
)
def test_a_trace_that_contradicts_its_header_is_not_used(header: str, reason: str) -> None:
    """With a radius too few, all others would sit at wrong angles."""
    job = read(header, *circle()[1:])
    assert job.right.trace is None
    assert remarks(job) == [(Severity.ERROR, "TRCFMT", 1)]
    assert reason in job.diagnostics[0].message


@pytest.mark.parametrize("radius", ["abc", "24.5", "6001"])
def test_a_trace_with_an_impossible_radius_is_not_used(radius: str) -> None:
    """Radii are whole hundredths of a millimetre within reach of a lens."""
    job = read("TRCFMT=1;400;E;R;F", f"R={radius}", *["R=2500"] * 399)
    assert job.right.trace is None
    assert remarks(job) == [(Severity.ERROR, "TRCFMT", 1)]


def test_points_the_tracer_missed_do_not_spoil_a_trace() -> None:
    """Zero, negative and unknown radii are missed points."""
    job = read("HBOX=50", "VBOX=50", "FED=50", "CIRC=157.07", "TRCFMT=1;400;E;R;F", "R=2500;0;-1;?", *["R=2500"] * 396)
    assert job.right.trace is not None
    assert job.diagnostics == ()


@pytest.mark.parametrize(("form", "words"), [("6", "a vendor's own"), ("5", "a vendor's own"), ("x", "a vendor's own")])
def test_another_trace_format_is_kept_and_not_interpreted(form: str, words: str) -> None:
    """The diagnostic says which format it is and which one to ask for."""
    job = read(f"TRCFMT={form};360;E;R;F", "R=6167514141436D71")
    assert job.right.trace is None
    assert remarks(job) == [(Severity.WARNING, "TRCFMT", 1)]
    assert words in job.diagnostics[0].message
    assert "TRCFMT=1" in job.diagnostics[0].message


def test_a_header_that_announces_no_trace_is_not_odd() -> None:
    """Format 0 says that there is none."""
    assert read("TRCFMT=0", "JOB=1").diagnostics == ()


def test_a_sparse_trace_is_used_with_a_warning() -> None:
    """Fewer points than tracers send still give a shape."""
    job = read("HBOX=50", "VBOX=50", "FED=50", "CIRC=156.92", *circle(count=72))
    assert job.right.trace is not None
    assert (Severity.WARNING, "TRCFMT", 5) in remarks(job)


def test_a_second_trace_of_a_side_is_ignored_with_a_warning() -> None:
    """The first one is used, as with any label."""
    job = read(*circle(radius=25_00), *circle(radius=26_00))
    assert job.right.shape.a == 5000
    assert (Severity.WARNING, "TRCFMT", 402) in remarks(job)


def test_a_left_trace_that_is_no_mirror_image_is_noticed() -> None:
    """A right shape sent as the left one would not fit the frame."""
    bump = ("R=2600", *["R=2500"] * 399)
    job = read("TRCFMT=1;400;E;R;F", *bump, "TRCFMT=1;400;E;L;F", *bump)
    notes = [note for note in job.diagnostics if note.severity is Severity.WARNING]
    assert [(note.label, note.line) for note in notes] == [("TRCFMT", 402)]
    assert "1.00 mm" in notes[0].message


def test_radii_before_any_header_are_reported_once() -> None:
    """They belong to no trace."""
    assert remarks(read("R=2500", "R=2500", "A=0")) == [(Severity.WARNING, "R", 1)]


def test_more_radii_than_a_side_can_have_are_refused() -> None:
    """The bound holds however the radii are spread over records."""
    assert read(*circle(count=MAX_RADII)).right.trace is not None
    with pytest.raises(TooLargeError, match="2048"):
        read(f"TRCFMT=1;{MAX_RADII + 1};E;R;F", "R=" + ";".join(["2500"] * (MAX_RADII + 1)))


def test_more_traces_than_a_job_has_are_refused() -> None:
    """A file of endless traces is not worked through."""
    assert read("JOB=1", *["TRCFMT=0"] * MAX_TRACES)
    with pytest.raises(TooLargeError, match="16 traces"):
        read("JOB=1", *["TRCFMT=0"] * (MAX_TRACES + 1))


# -- anything --------------------------------------------------------------------------------------------------------

names = st.sampled_from([*LABELS, "CLNAME", "TRCFMT", "STHKFMT", "R", "A", "_OWN", "OPC", "FRNT"])
values = st.one_of(
    st.text(alphabet='0123456789;.,?"-+ERLBFU= abn', max_size=24),
    st.text(max_size=8),
    st.tuples(st.integers(-1, 6), st.integers(0, 60), st.sampled_from("EUX"), st.sampled_from("RLB")).map(
        lambda fields: ";".join(map(str, fields))
    ),
    st.lists(st.integers(-5, 6100), max_size=60).map(lambda radii: ";".join(map(str, radii))),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(names, values).map("=".join), max_size=40).map("\n".join))
@example("TRCFMT=1;24;E;R;F\nR=" + ";".join(["1"] * 24) + "\nTRCFMT=1;24;E;L;F\nR=" + ";".join(["6000"] * 24))
def test_any_records_give_a_job_or_a_refusal(text: str) -> None:
    """No combination of labels and values makes the reader fail in another way."""
    try:
        job = interpret(parse(text.encode("utf-8", "surrogatepass")))
    except DcsError:
        return
    assert [note.line for note in job.diagnostics] == sorted(note.line for note in job.diagnostics)
