"""Documents are typeset reproducibly and accessibly, and what is told to a template stays text."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typst

from chassis.pdf import pdf

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LETTER = """
#let told = json(bytes(sys.inputs.data))
#set document(title: "A letter")
#told.text
#told.pages.map(_ => pagebreak()).join()
"""
DATA = {"text": 'Dear #panic("reader") *not* $x$', "pages": [1, 2]}


@pytest.fixture
def template(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a template."""

    def write(source: str) -> Path:
        file = tmp_path / "letter.typ"
        file.write_text(source)
        return file

    return write


def test_the_same_data_and_time_make_the_same_bytes(template: Callable[[str], Path]) -> None:
    """Again, and in another process; at another time the document says so."""
    letter = template(LETTER)
    made = pdf(letter, DATA, time=NOON)
    elsewhere = (
        "import sys, hashlib; from datetime import datetime; from pathlib import Path; from chassis.pdf import pdf;"
        f"print(hashlib.sha256(pdf(Path({str(letter)!r}), {DATA!r}, time=datetime.fromisoformat({NOON.isoformat()!r})))"
        ".hexdigest())"
    )
    told = subprocess.run([sys.executable, "-c", elsewhere], check=True, capture_output=True, text=True)

    assert made.startswith(b"%PDF-")
    assert pdf(letter, DATA, time=NOON) == made
    assert told.stdout.strip() == hashlib.sha256(made).hexdigest()
    assert pdf(letter, DATA, time=NOON + timedelta(seconds=1)) != made


def test_what_is_told_is_text_and_no_markup(template: Callable[[str], Path]) -> None:
    """Whoever wrote it cannot have the template do anything."""
    assert pdf(template(LETTER), DATA, time=NOON)
    with pytest.raises(typst.TypstError, match="panicked"):
        pdf(template('#set document(title: "A letter")\n#panic("reader")'), DATA, time=NOON)


def test_threads_do_not_meet(template: Callable[[str], Path]) -> None:
    """Each has a compiler of its own, and all of them make the same."""
    letter = template(LETTER)
    with ThreadPoolExecutor(4) as threads:
        made = set(threads.map(lambda _: pdf(letter, DATA, time=NOON), range(40)))

    assert made == {pdf(letter, DATA, time=NOON)}


@pytest.mark.parametrize(
    ("source", "lacks"),
    [
        ("Dear reader", "title"),
        (
            '#set document(title: "A letter")\n#image(bytes("<svg xmlns=\\"http://www.w3.org/2000/svg\\"/>"))',
            "alt",
        ),
    ],
)
def test_what_cannot_be_read_aloud_is_not_made(template: Callable[[str], Path], source: str, lacks: str) -> None:
    """A document without a title, a picture without words for it."""
    with pytest.raises(typst.TypstError, match=lacks):
        pdf(template(source), {}, time=NOON)
