"""Settings come from the environment, and what is wrong with them is said in a sentence."""

import socket
from pathlib import Path

import pytest

from runtime import preflight, settings
from runtime.errors import DiskFullError, HomeUnusableError, PortTakenError, SettingsError, ToolMissingError
from runtime.layout import Layout
from runtime.settings import MeshSettings


def test_a_senseless_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """And quotes what it was."""
    monkeypatch.setenv("LENSMESH_HTTP_PORT", "eighty")
    with pytest.raises(SettingsError, match="LENSMESH_HTTP_PORT=eighty"):
        settings.load()


def test_a_variable_that_nothing_reads_is_told_with_the_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt limit would otherwise be no limit."""
    assert settings.misspelt(["max_calls"]) is None
    monkeypatch.setenv("LENSMESH_MAX_CALL", "5")
    assert "Nothing reads LENSMESH_MAX_CALL: did you mean LENSMESH_MAX_CALLS?" in str(settings.misspelt(["max_calls"]))


def test_settings_pass_through_the_environment_unchanged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`up` hands them to the supervisor this way."""
    chosen = MeshSettings(home=tmp_path, http_port=0, simulate=False, only=("nats", "postgres"), log_level="DEBUG")
    chosen = chosen.model_copy(update={"replicas": {"order": 2, "lims": 3}})
    for name, value in chosen.environment().items():
        monkeypatch.setenv(name, value)
    assert settings.load() == chosen


@pytest.mark.parametrize(
    ("replicas", "objection"),
    [
        ("orders=2", "there is no service `orders`; services are lims, order"),
        ("order=0", "`order=0` is no number of replicas; write it as `order=2,lims=2`"),
        ("order", "`order` is no number of replicas"),
        ("order=x,lims=2", "`order=x` is no number of replicas"),
        ("order=2,order=3", "`order` is there twice"),
        ("order=8", "at most 8 replicas in all"),
    ],
)
def test_replicas_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch, replicas: str, objection: str) -> None:
    """The variable is named, and what is wrong with it."""
    monkeypatch.setenv("LENSMESH_REPLICAS", replicas)
    with pytest.raises(SettingsError, match=f"LENSMESH_REPLICAS=.*{objection}"):
        settings.load()


def test_a_flag_is_preferred_to_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """For `up --replicas`."""
    monkeypatch.setenv("LENSMESH_REPLICAS", "order=3")
    assert settings.load(replicas="order=2, lims=2").replicas == {"order": 2, "lims": 2}
    assert settings.load().replicas == {"order": 3}


def test_port_zero_becomes_a_free_port_of_its_own() -> None:
    """No two the same; ports that were chosen stay."""
    chosen = MeshSettings(http_port=0, grpc_port=0, admin_port=0, nats_port=4222).with_ports_chosen()
    assert chosen.nats_port == 4222
    assert len({chosen.http_port, chosen.grpc_port, chosen.admin_port, 0}) == 4


def test_a_taken_port_names_its_holder_and_the_variable(layout: Layout) -> None:
    """The command to type instead is part of the sentence."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"Port {port} \(REST and SSE\) is taken by .*LENSMESH_HTTP_PORT=\d+"):
            preflight.check(MeshSettings(home=layout.home, http_port=port), layout)


def test_a_port_of_a_process_that_does_not_run_may_be_taken(layout: Layout) -> None:
    """`only` leaves it alone."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        chosen = MeshSettings(home=layout.home, http_port=taken.getsockname()[1], nats_port=0, only=("nats",))
        preflight.check(chosen, layout)


def test_a_full_disk_says_how_much_is_missing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to go elsewhere."""
    monkeypatch.setattr(Layout, "free_bytes", lambda _: 12_000_000)
    with pytest.raises(DiskFullError, match=r"Only 12 MB are free .* 1000 MB.*LENSMESH_HOME"):
        preflight.check(MeshSettings(home=layout.home), layout)


def test_a_missing_program_says_how_to_get_it(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make up` installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ToolMissingError, match=r"PostgreSQL is not installed .* `make up`"):
        preflight.check(MeshSettings(home=layout.home), layout)


def test_a_home_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """Here a file is in the way."""
    (tmp_path / "file").touch()
    with pytest.raises(HomeUnusableError, match="LENSMESH_HOME"):
        Layout(tmp_path / "file" / "home").make()
