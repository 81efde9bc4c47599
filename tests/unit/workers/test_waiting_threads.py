"""Threads of models wait briefly, unless whoever runs the process has said how."""

import os

import pytest

from workers.waiting_threads import BRIEFLY, wait_briefly


@pytest.fixture(autouse=True)
def unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BRIEFLY:
        monkeypatch.setenv(name, "to be put back afterwards")
        monkeypatch.delenv(name)


def test_they_spin_for_a_moment() -> None:
    wait_briefly()

    assert {name: os.environ[name] for name in BRIEFLY} == BRIEFLY


@pytest.mark.parametrize("name", BRIEFLY)
def test_what_the_environment_says_counts_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "passive")

    wait_briefly()

    assert {each: os.environ.get(each) for each in BRIEFLY} == {**dict.fromkeys(BRIEFLY), name: "passive"}
