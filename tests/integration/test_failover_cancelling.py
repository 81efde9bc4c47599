"""Whoever asked may go at any moment: sockets close at once, and what it cost is counted."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.fakes.providers import Gate, ServerThread, never_answers, says, words
from tests.fakes.providers.script import Answer
from tests.integration.failover_room import ANSWER, UNIT_SECONDS, FailoverRoom, Peer, asking
from workers.errors import EngineTimeout
from workers.failover.chat import has_words
from workers.failover.ledger import Spent

SOON = 0.05
"""Seconds: the expected time of those who are to be overtaken."""


@pytest.fixture
def servers() -> Iterator[ServerThread]:
    with ServerThread() as running:
        yield running


def test_going_before_the_first_words_closes_every_connection(servers: ServerThread) -> None:
    peers = {name: Peer(script=never_answers(), expected_seconds=SOON) for name in ("first", "second", "third")}
    room = FailoverRoom(servers, peers)
    with closing(room.chat.reply(asking("Hm?"))) as deltas:
        while not all(room.exchanges(name) for name in peers):
            assert not has_words(next(deltas))
    for name in peers:
        assert room.exchanges(name)[0].ending().how == "client"
        assert room.ledger.wait_for("wasted", name)
    room.close()


def test_who_goes_soon_blames_nobody(servers: ServerThread) -> None:
    room = FailoverRoom(servers, {"first": Peer(script=never_answers())})
    with closing(room.chat.reply(asking("Hm?"))) as deltas:
        while not room.exchanges("first"):
            assert not has_words(next(deltas))
    assert room.ledger.wait_for("wasted", "first")
    assert not room.ledger.errors("first")
    room.close()


def test_one_that_hangs_while_others_answer_counts_as_failed(servers: ServerThread) -> None:
    """Or every turn would wait for it anew."""
    slowly = Peer(script=says(ANSWER, after=4 * SOON / UNIT_SECONDS))
    room = FailoverRoom(servers, {"first": Peer(script=never_answers(), expected_seconds=SOON), "second": slowly})
    assert room.ask().text == ANSWER
    [error] = room.ledger.errors("first")
    assert isinstance(error, EngineTimeout)
    room.close()


def test_going_in_the_middle_closes_the_connection_and_pays_for_what_was_said(servers: ServerThread) -> None:
    gate = Gate()
    room = FailoverRoom(servers, {"first": Peer(script=Answer(steps=(*words(ANSWER), gate)))})
    with closing(room.chat.reply(asking("Hm?"))) as deltas:
        heard = ""
        while "market" not in heard:
            heard += next(deltas).text
        gate.reached.result(30)
    assert room.exchanges("first")[0].ending().how == "client"
    [spent] = room.ledger.details("succeeded", "first")
    assert isinstance(spent, Spent)
    assert spent.prompt_tokens > 0
    assert spent.answer_tokens > 0
    room.close()


def test_whoever_was_overtaken_has_cost_its_prompt(servers: ServerThread) -> None:
    peers = {"first": Peer(script=never_answers(), expected_seconds=SOON), "second": Peer()}
    room = FailoverRoom(servers, peers)
    assert room.ask().text == ANSWER
    [wasted] = room.ledger.details("wasted", "first")
    assert isinstance(wasted, Spent)
    assert wasted.prompt_tokens > 0
    assert wasted.answer_tokens == 0
    room.close()


def test_the_next_turn_uses_the_connection_that_is_open(servers: ServerThread) -> None:
    room = FailoverRoom(servers, {"first": Peer(script=says(ANSWER))})
    for _ in range(3):
        assert room.ask().text == ANSWER
        room.exchanges("first")[-1].ending()
    assert {exchange.connection for exchange in room.exchanges("first")} == {1}
    room.close()


def test_nothing_is_left_open_behind_a_hundred_turns_that_were_left(servers: ServerThread) -> None:
    room = FailoverRoom(servers, {"first": Peer(script=Answer(steps=(*words("One two three"), Gate())))})
    for _ in range(100):
        with closing(room.chat.reply(asking("Hm?"))) as deltas:
            while not has_words(next(deltas)):
                pass
    for exchange in room.exchanges("first"):
        assert exchange.ending().how == "client"
    servers.do(asyncio.sleep(0))  # whoever told of an end has left its connection then
    assert room.servers["first"].open_connections == 0
    room.close()
