"""The paper that drawings are made on."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from rules.sheet import Area, Sheet, Spot, Style

PLAIN = Style("#000", 3.0)
PAPER = Area(0, 0, 100, 50)
NEAR = [(0.0, 1.0), (180.0, 1.0), (90.0, 1.0), (-90.0, 1.0)]
ONE_LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=40)


def places(sheet: Sheet) -> list[tuple[float, float]]:
    """Returns where the texts of a sheet stand, upwards."""
    root = ET.fromstring(sheet.document(PAPER, "test"))  # noqa: S314 -- our own document
    found = root.iter("{http://www.w3.org/2000/svg}text")
    return [(float(each.attrib["x"]), -float(each.attrib["y"])) for each in found]


def test_a_text_is_put_in_the_first_free_place() -> None:
    """To the right of its spot, then to the left, above and below; when all are taken, where it covers least."""
    sheet = Sheet()
    for _ in range(5):
        sheet.put(Spot(50, 25), "here", PLAIN, NEAR)
    right, left, above, below, fifth = places(sheet)

    assert right[0] > 50 > left[0]
    assert above[1] > 25 > below[1]
    assert fifth in {right, left, above, below}


def test_a_dot_and_a_border_are_not_written_on() -> None:
    """As long as there is another place."""
    sheet = Sheet()
    sheet.dot(Spot(55, 25), 1, "#f00")
    sheet.outline([Spot(40, 20), Spot(40, 25), Spot(40, 30), Spot(39, 25)], "#00f", 0.5, "none")
    sheet.put(Spot(50, 25), "here and there", PLAIN, NEAR)

    assert places(sheet)[0][1] > 25


def test_a_line_without_length_has_no_arrows() -> None:
    """Where there is nothing to measure, nothing breaks."""
    sheet = Sheet()
    sheet.arrows(Spot(1, 1), Spot(1, 1), "#000", 0.2)

    assert "polygon" not in sheet.document(PAPER, "")


def test_the_extent_holds_all_that_is_drawn() -> None:
    """Of an empty sheet there is none."""
    sheet = Sheet()
    assert sheet.extent == Area(0, 0, 0, 0)
    sheet.circle(Spot(10, 10), 5, "#000", 0.2)
    sheet.line(Spot(-3, 0), Spot(0, 40), "#000", 0.2)

    assert sheet.extent == Area(-3, 0, 15, 40)


def test_a_text_is_cut_to_its_room() -> None:
    """With a sign that there was more; one that fits is left alone."""
    assert PLAIN.cut("short", 100) == "short"
    cut = PLAIN.cut("much too long for its place", 20)
    assert cut.endswith("…")
    assert PLAIN.width(cut) <= 20


@given(text=ONE_LINE)
def test_any_text_is_well_formed_and_reads_as_written(text: str) -> None:
    """Characters of markup are text like any other."""
    sheet = Sheet()
    sheet.begin(Spot(0, 0), text, PLAIN)
    root = ET.fromstring(sheet.document(PAPER, text))  # noqa: S314 -- our own document

    assert [each.text for each in root.iter() if each.text and each.text.strip() == text.strip()]
