"""Failover in a real generate worker: what it can't think of itself it asks providers, and workers know who is ill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.turns import Happening, LiveTurn, Turns, Who
from tasks import keys
from tasks.messages import ReplyEnded, Words
from tests.fakes.providers import ProviderServer, ServerThread, fails, goes_on, says
from tests.fakes.stages import ENVIRONMENT
from tests.running import RunningValkey, RunningWorker

ANSWER = "My day was long and good. I met Asha at the market."
KEY = "sk-canary-of-this-test"


@pytest.fixture
def servers() -> Iterator[ServerThread]:
    with ServerThread() as running:
        yield running


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[RunningValkey]:
    with RunningValkey(tmp_path / "valkey") as running:
        yield running


def worker(valkey: RunningValkey, folder: Path, providers: dict[str, ProviderServer]) -> RunningWorker:
    """Thinks as it is told, and knows these providers besides."""
    rows = "\n".join(
        f'[[chat]]\nname = "{name}"\nbase_url = "{server.base_url}"\nkey_env = ["FAKE_KEY"]\nmodel = "some-model"\n'
        f"priority = {priority}\nexpected_seconds = 2.0\nusd_per_million_out = 1.0\n"
        for priority, (name, server) in enumerate(providers.items())
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "providers.toml").write_text(rows)
    environment = {
        **ENVIRONMENT,
        "LANGUAGE_ENGINES": f"{ENVIRONMENT['LANGUAGE_ENGINES']},providers",
        "PROVIDERS_FILE": str(folder / "providers.toml"),
        "FAKE_KEY": KEY,
    }
    return RunningWorker("generate", valkey.url, folder, environment)


async def answer(turns: Turns, who: Who, text: str) -> tuple[ReplyEnded, list[Happening]]:
    live: LiveTurn = await turns.read(who, text, spoken=False)
    happenings = [happening async for happening in live.follow()]
    return next(each for each in happenings if isinstance(each, ReplyEnded)), happenings


async def test_a_provider_answers_what_the_local_model_can_not(
    servers: ServerThread, own_valkey: RunningValkey, tmp_path: Path, who: Who
) -> None:
    broken, well = servers.open(fails(401, "bad_key", "no such key")), servers.open(says(ANSWER))
    with worker(own_valkey, tmp_path / "worker", {"broken": broken, "well": well}) as running:
        async with Turns(own_valkey.url, request_seconds=20) as turns:
            ended, happenings = await answer(turns, who, "fail please")
            assert (ended.text, ended.work.engine) == (ANSWER, "well")
            assert "".join(each.text for each in happenings if isinstance(each, Words)) == ANSWER
            await answer(turns, who, "fail again")
            assert len(broken.requests) == 1, "a key that is refused is not tried again"
            assert len(well.requests) == 2
            told = b"".join([key async for key in turns.dispatcher.redis.scan_iter("*")])
            assert b"well" in told
            stored = [await turns.dispatcher.redis.dump(key) async for key in turns.dispatcher.redis.scan_iter("*")]
        assert KEY not in running.output()
        assert not any(KEY.encode() in (value or b"") for value in stored)


async def test_a_provider_goes_on_where_the_local_model_broke_off(
    servers: ServerThread, own_valkey: RunningValkey, tmp_path: Path, who: Who
) -> None:
    other = servers.open(goes_on("That much I can say. The rest is for another day."))
    with worker(own_valkey, tmp_path / "worker", {"other": other}):
        async with Turns(own_valkey.url, request_seconds=20) as turns:
            ended, _ = await answer(turns, who, "break it")
            assert ended.text == "That much I can say. The rest is for another day."
            assert ended.work.engine == "fake-mind+other"
            history = await turns.dispatcher.redis.hvals(keys.history(who.conversation))
            assert len(history) == 1


async def test_while_the_local_model_is_well_nobody_else_is_asked(
    servers: ServerThread, own_valkey: RunningValkey, tmp_path: Path, who: Who
) -> None:
    other = servers.open(says(ANSWER))
    with worker(own_valkey, tmp_path / "worker", {"other": other}):
        async with Turns(own_valkey.url, request_seconds=20) as turns:
            for text in ("hello", "how are you"):
                ended, _ = await answer(turns, who, text)
                assert ended.work.engine == "fake-mind"
        assert not other.requests
