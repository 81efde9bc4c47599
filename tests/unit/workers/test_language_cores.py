"""Cores that a language model may have, and those that nobody else wants just now."""

from pathlib import Path

import psutil
import pytest

from workers.language.cores import idle_cores, physical_cores


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of eight cores, and what it says of its load."""
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 8)
    return tmp_path / "loadavg"


@pytest.mark.parametrize(
    ("runnable", "allowed", "idle"),
    [(1, 4, 4), (1, 16, 8), (5, 4, 4), (6, 4, 3), (8, 4, 1), (20, 4, 1)],
)
def test_cores_are_idle_that_nothing_else_wants(load: Path, runnable: int, allowed: int, idle: int) -> None:
    load.write_text(f"0.20 0.18 0.12 {runnable}/743 11206\n")

    assert idle_cores(allowed, load) == idle


@pytest.mark.parametrize("said", ["", "0.00 0.00 0.00 0/0 0", "0.20 0.18 0.12", "0.20 0.18 0.12 many/743 11206"])
def test_where_the_system_does_not_tell_one_core_is_idle(load: Path, said: str) -> None:
    load.write_text(said)

    assert idle_cores(4, load) == 1
    assert idle_cores(4, load.with_name("missing")) == 1


@pytest.mark.parametrize(("quota", "cores"), [("200000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("", 8)])
def test_a_containers_quota_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Path, quota: str, cores: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    (tmp_path / "cpu.max").write_text(quota)

    assert physical_cores(tmp_path / "cpu.max") == cores
