from collections.abc import Iterator

import aiohttp
import pytest

from tests.discord.stock import nextcord

from bot.reaching import (  # isort: skip  # after nextcord, whose import warns
    LONGEST_PAUSE_SECONDS,
    MISSING_INTENT,
    NOT_DISCORD,
    NOT_KNOWN,
    WRONG_SHARDS,
    Lost,
    Refused,
    redirect,
    stay_connected,
)


class Account:
    """An account at a Discord that does what it is told, attempt by attempt."""

    def __init__(self, logins: list[Exception | None], connections: list[Exception | None]) -> None:
        self.left = {"login": logins, "connect": connections}
        self.paused: list[float] = []

    async def login(self, _token: str) -> None:
        self._do("login")

    async def connect(self) -> None:
        self._do("connect")

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)

    def _do(self, what: str) -> None:
        outcome = self.left[what].pop(0)
        if outcome is not None:
            raise outcome

    async def stay(self, token: str = "a.good.one") -> None:
        await stay_connected(self, token, self.pause)  # type: ignore[arg-type]  # as much of a client as is used


def closed(code: int) -> nextcord.ConnectionClosed:
    class Socket:
        close_code = code

    return nextcord.ConnectionClosed(Socket(), shard_id=0, code=code)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def own_base() -> Iterator[None]:
    before = nextcord.http.Route.BASE
    yield
    nextcord.http.Route.BASE = before


async def test_it_tries_again_with_growing_pauses_until_discord_is_there() -> None:
    account = Account([OSError("down")] * 9 + [None], [nextcord.GatewayNotFound(), aiohttp.ClientError(), None])
    await account.stay()
    assert account.paused == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1, 2]
    assert max(account.paused) == LONGEST_PAUSE_SECONDS


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (closed(4004), NOT_KNOWN),
        (closed(4010), WRONG_SHARDS),
        (closed(4011), WRONG_SHARDS),
        (closed(4014), MISSING_INTENT),
        (nextcord.PrivilegedIntentsRequired(0), MISSING_INTENT),
    ],
)
async def test_what_the_gateway_refuses_is_not_tried_again(outcome: Exception, sentence: str) -> None:
    account = Account([None], [outcome])
    with pytest.raises(Refused, match=r".") as caught:
        await account.stay()
    assert str(caught.value) == sentence
    assert not account.paused


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [(nextcord.LoginFailure("401"), NOT_KNOWN), (TypeError("a page"), NOT_DISCORD), (KeyError("id"), NOT_DISCORD)],
)
async def test_a_login_that_is_refused_or_makes_no_sense_is_not_tried_again(outcome: Exception, sentence: str) -> None:
    account = Account([outcome], [])
    with pytest.raises(Refused, match=r".") as caught:
        await account.stay()
    assert str(caught.value) == sentence


async def test_any_other_close_is_a_loss_that_a_fresh_start_may_mend() -> None:
    account = Account([None], [closed(4003)])
    with pytest.raises(Lost, match="4003"):
        await account.stay()


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "नमस्ते", "\x07"])
async def test_what_no_header_can_carry_is_refused_unsent(token: str) -> None:
    account = Account([], [])
    with pytest.raises(Refused, match="DISCORD_TOKEN"):
        await account.stay(token)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:8080/api/v10", "http://127.0.0.1:8080/api/v10"),
        ("http://127.0.0.1:8080/api/v10/", "http://127.0.0.1:8080/api/v10"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v10"),
        ("https://discord.example/", "https://discord.example/api/v10"),
    ],
)
def test_an_address_without_a_path_is_given_discords(given: str, used: str) -> None:
    redirect(given)
    assert used == nextcord.http.Route.BASE


def test_without_an_address_it_is_discord_itself() -> None:
    redirect(None)
    assert nextcord.http.Route.BASE.startswith("https://discord.com/api/")
