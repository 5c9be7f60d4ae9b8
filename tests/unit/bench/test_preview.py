"""What the bench of the preview stands on."""

from bench.preview import draft_of, made
from rules.load import load
from rules.replay.record import SIZE
from services.lims import starter
from services.lims.revisions import compiled, content_of


def test_the_draft_is_a_catalog_and_another_one() -> None:
    """It changes rules alone: a height and two prices."""
    base, draft = load(starter.files()), compiled(content_of(draft_of(starter.texts())))

    assert draft.blanks == base.blanks
    assert [name for name, table in base.tables.items() if draft.tables[name] != table] == [
        "lens-price",
        "coating-price",
    ]


def test_the_jobs_are_different_ones_that_can_be_made() -> None:
    """But for one in twenty, which is ordered again."""
    content = content_of(starter.texts())
    chunk = made(content, 1, count=100, templates=20)

    assert len(chunk.jobs) == 100
    assert len({job[3] for job in chunk.jobs}) >= 95
    assert {len(job[5]) for job in chunk.jobs} == {SIZE}
