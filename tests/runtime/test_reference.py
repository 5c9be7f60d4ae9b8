"""The reference pages are made from what they describe."""

import re
import subprocess
import sys
from pathlib import Path

from runtime.settings import PROJECT

ROOMS = ("chassis", "cli", "gateway", "lims_client", "runtime", "services", "bin")
OUR_OWN = {"LENSMESH_COMMAND"}  # how bin/lensmesh tells the command the name it was called by
PAGE = PROJECT / "docs" / "reference" / "configuration.md"


def test_every_variable_that_the_code_reads_is_on_the_page() -> None:
    """Also one that no settings class knows."""
    sources = (path for room in ROOMS for path in (PROJECT / room).rglob("*") if path.suffix in {"", ".py"})
    named = {
        name
        for path in sources
        if path.is_file()
        for name in re.findall(r"\bLENSMESH_[A-Z]+[A-Z_]*[A-Z]\b", path.read_text())
    }
    assert named - OUR_OWN <= set(re.findall(r"LENSMESH_[A-Z_]+", PAGE.read_text()))


def test_a_page_that_has_drifted_is_told(tmp_path: Path) -> None:
    """By its name, and with what to type."""
    page = PAGE.read_text()
    tool = (sys.executable, "-c", _CHECK.format(page=tmp_path / "configuration.md"))
    for text, code in ((page, 0), (page + "more", 1)):
        (tmp_path / "configuration.md").write_text(text)
        done = subprocess.run(tool, cwd=PROJECT, check=False, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
    assert "make gen" in done.stderr


_CHECK = """
import sys, pathlib
sys.path[:0] = ["tools", ".", "gen/python"]
sys.argv = ["document.py", "--check"]
import document
document.PAGE = pathlib.Path("{page}")
document.main()
"""
