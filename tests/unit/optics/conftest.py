"""What the optics tests share: the real files, where they are at hand, and the samples."""

from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
REAL_FILES = PROJECT.parent / "shared" / "data" / "oma"


@pytest.fixture
def real_file() -> Callable[[str], bytes]:
    """Return the bytes of a real file by name; the test is skipped where the collection is not at hand."""
    if not REAL_FILES.is_dir():
        pytest.skip("the collection of real DCS files is kept outside the project and is not here")
    return lambda name: (REAL_FILES / name).read_bytes()


@pytest.fixture(scope="session")
def samples_folder() -> Path:
    """Return the folder of the sample jobs."""
    return PROJECT / "samples"
