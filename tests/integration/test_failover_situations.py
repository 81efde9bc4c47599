"""Who answers when providers misbehave, after how long, what is cancelled and what is counted: one row a situation."""

from collections.abc import Iterator

import pytest

from tests.fakes.providers import ServerThread
from tests.integration import failover_going_on, failover_odd_streams, failover_races, failover_refusals
from tests.integration.failover_room import FailoverRoom, Outcome
from tests.integration.failover_situation import Situation
from workers.failover.cloud import CloudContender
from workers.lineup import NoEngine

SITUATIONS = (
    *failover_races.SITUATIONS,
    *failover_going_on.SITUATIONS,
    *failover_refusals.SITUATIONS,
    *failover_odd_streams.SITUATIONS,
)


@pytest.fixture(scope="module")
def servers() -> Iterator[ServerThread]:
    with ServerThread() as running:
        yield running


def test_there_are_enough_situations_and_each_has_a_name() -> None:
    names = [situation.name for situation in SITUATIONS]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name.replace(" ", "-"))
def test_situation(situation: Situation, servers: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CloudContender, "longest_silence_seconds", situation.longest_silence_seconds)
    room = FailoverRoom(
        servers,
        situation.peers,
        situation.engines,
        records=situation.records,
        refusals=situation.refusals,
        retries=situation.retries,
    )
    try:
        outcome = room.ask()
        check_answer(situation, outcome)
        check_providers(situation, room)
        check_ledger(situation, room)
    finally:
        room.close()


def check_answer(situation: Situation, outcome: Outcome) -> None:
    assert outcome.text == situation.answer
    assert outcome.by == situation.by
    if situation.by and not situation.fails_after:
        assert outcome.error is None
    else:
        assert isinstance(outcome.error, NoEngine)
    for cause in situation.causes:
        assert cause in str(outcome.error)
    if outcome.first_words_after is not None:
        assert situation.earliest_seconds <= outcome.first_words_after <= situation.latest_seconds


def check_providers(situation: Situation, room: FailoverRoom) -> None:
    for name in situation.cancelled:
        assert room.exchanges(name)[-1].ending().how == "client", name
    for name, count in situation.asked.items():
        assert len(room.exchanges(name)) == count, name
    for name, seconds in situation.not_before_seconds.items():
        assert room.asked_after(name) >= seconds, name


def check_ledger(situation: Situation, room: FailoverRoom) -> None:
    for what, name in situation.counted:
        assert room.ledger.wait_for(what, name), f"{what} {name}: {room.ledger.told}"
    for what, name in situation.not_counted:
        assert not room.ledger.details(what, name), f"{what} {name}"
    for name, kind in situation.errors.items():
        assert room.ledger.wait_for("failed", name)
        assert isinstance(room.ledger.errors(name)[0], kind), room.ledger.errors(name)
    for name, seconds in situation.told_to_wait_seconds.items():
        rest = room.ledger.errors(name)[0].retry_after_seconds  # type: ignore[attr-defined]
        assert rest == seconds if seconds is None else rest == pytest.approx(seconds, abs=2)
