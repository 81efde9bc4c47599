"""Requests to Discord: nonces, patience, and reasons why not."""

import uuid
from collections.abc import Callable
from typing import Any

import aiohttp
import nextcord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.writing import AGAIN_AFTER_SECONDS, MOST_PARTS, CannotWrite, ChannelPaper, nonce_of

LONGEST_NONCE = 25

turn_ids = st.uuids(version=4).map(lambda id_: id_.hex)
parts = st.integers(0, MOST_PARTS - 1)


@given(turn_ids, parts)
def test_a_nonce_is_short_enough(turn_id: str, part: int) -> None:
    assert len(nonce_of(turn_id, part)) <= LONGEST_NONCE


@given(st.tuples(turn_ids, parts), st.tuples(turn_ids, parts))
def test_no_two_messages_share_a_nonce(one: tuple[str, int], other: tuple[str, int]) -> None:
    assert (nonce_of(*one) == nonce_of(*other)) == (one == other)


@given(turn_ids, st.lists(parts, unique=True, min_size=2))
def test_the_parts_of_one_answer_have_nonces_of_their_own(turn_id: str, numbers: list[int]) -> None:
    assert len({nonce_of(turn_id, part) for part in numbers}) == len(numbers)


def test_there_is_no_nonce_for_a_hundred_and_first_message() -> None:
    with pytest.raises(ValueError, match="100"):
        nonce_of(uuid.uuid4().hex, MOST_PARTS)


class Answer:
    """What nextcord keeps of a response."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.reason = "as told"


def refusal(status: int, code: int = 0) -> nextcord.HTTPException:
    kinds = {403: nextcord.Forbidden, 404: nextcord.NotFound}
    kind = kinds.get(status, nextcord.DiscordServerError if status >= 500 else nextcord.HTTPException)
    return kind(Answer(status), {"code": code, "message": "no"})  # type: ignore[arg-type]


class FakeHttp:
    """Fails as told, then takes what comes."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.bodies: list[dict[str, Any]] = []

    def get_message_payload(self, content: str, **fields: Any) -> dict[str, Any]:
        return {"content": content} | {name: value for name, value in fields.items() if value is not None}

    async def request(self, route: object, json: dict[str, Any]) -> dict[str, str]:
        self.bodies.append(json)
        if self.failures:
            raise self.failures.pop(0)
        return {"id": "77"}

    async def edit_message(self, channel_id: int, message_id: int, **fields: Any) -> None:
        await self.request(None, fields)


def paper_on(http: FakeHttp, waits: list[float] | None = None) -> ChannelPaper:
    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    return ChannelPaper(http, 1, sleep=sleep)  # type: ignore[arg-type]


async def test_a_post_rings_nobody_and_enforces_its_nonce() -> None:
    http = FakeHttp()
    assert await paper_on(http).post("haan", "n.0") == 77
    assert http.bodies[0]["enforce_nonce"] is True
    assert http.bodies[0]["nonce"] == "n.0"
    assert http.bodies[0]["allowed_mentions"]["parse"] == []


@pytest.mark.parametrize("failure", [lambda: refusal(503), TimeoutError, aiohttp.ServerDisconnectedError])
async def test_what_may_have_arrived_is_posted_again_with_the_same_nonce(failure: Callable[[], Exception]) -> None:
    http, waits = FakeHttp(failure(), failure()), list[float]()
    assert await paper_on(http, waits).post("haan", "n.0") == 77
    assert [body["nonce"] for body in http.bodies] == ["n.0"] * 3
    assert waits == list(AGAIN_AFTER_SECONDS[:2])


async def test_patience_ends() -> None:
    http = FakeHttp(*(refusal(503) for _ in range(9)))
    with pytest.raises(CannotWrite) as trouble:
        await paper_on(http).post("haan", "n.0")
    assert trouble.value.reason == "unreachable"
    assert len(http.bodies) == len(AGAIN_AFTER_SECONDS) + 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (refusal(403, 50013), "forbidden"),
        (refusal(404, 10003), "gone"),
        (refusal(400, 50035), "refused"),
        (refusal(429), "unreachable"),
        (refusal(502), "unreachable"),
    ],
)
async def test_why_not_is_told_without_another_try(failure: Exception, reason: str) -> None:
    http = FakeHttp(failure)
    with pytest.raises(CannotWrite) as trouble:
        await paper_on(http).post("haan", "n.0")
    assert trouble.value.reason == reason
    assert len(http.bodies) == 1


async def test_an_edit_rings_nobody_either() -> None:
    http = FakeHttp(refusal(503))
    await paper_on(http).edit(77, "haan ji")
    assert [body["content"] for body in http.bodies] == ["haan ji"] * 2
    assert http.bodies[0]["allowed_mentions"]["parse"] == []
