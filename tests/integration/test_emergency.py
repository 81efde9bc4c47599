"""Every model fails and every voice fails, in real worker processes: she still answers, and is heard."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from bot.turns import Turns, Who
from config.emergency import emergency, known_by_heart
from tasks.cached_speech import CachedSpeech
from tasks.messages import ReplyEnded, TurnFailed
from tests.fakes.stages import ENVIRONMENT
from tests.integration.test_turns import of_kind, played
from tests.running import RunningValkey, RunningWorker, wait_until

WHO = Who("u1", "Asha", "test:emergency")
BY_NAME = {kind.name: kind for kind in emergency().kind}


@pytest.fixture(scope="module")
def url_of_a_broken_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The voice rehearsed, and broke then; no language model was there ever."""
    folder: Path = tmp_path_factory.mktemp("emergency")
    breaks = folder / "break"
    environment = {
        **ENVIRONMENT,
        "LANGUAGE_ENGINES": "workers.failover.emergency:load",
        "SYNTHESIZE_ENGINES": "tests.fakes.stages:load_breakable_synthesizer",
        "CACHED_SPEECH_MB": "8",
        "BREAKS_WITH": str(breaks),
    }
    with ExitStack() as running:
        valkey = running.enter_context(RunningValkey(folder / "valkey"))
        for stage in ("generate", "synthesize"):
            running.enter_context(RunningWorker(stage, valkey.url, folder, environment))
        cached = CachedSpeech(folder / "cached-speech", [text for _, text in known_by_heart()])
        wait_until(lambda: cached.newest_voice and not cached.missing(cached.newest_voice), "the rehearsal's end", 120)
        breaks.touch()
        yield valkey.url


@pytest.mark.parametrize(
    ("said", "kind", "language"),
    [("hello", "greeting", "en"), ("bahut udaas hoon yaar", "sad", "hinglish"), ("मुझे जीना नहीं है", "crisis", "hi")],
)
async def test_an_emergency_answer_is_heard_when_all_voices_fail(
    url_of_a_broken_stack: str, said: str, kind: str, language: str
) -> None:
    async with Turns(url_of_a_broken_stack, request_seconds=20) as turns:
        live = await turns.read(WHO, said, spoken=True)
        happenings = [happening async for happening in live.follow()]
    [ended] = of_kind(happenings, ReplyEnded)
    assert ended.text in getattr(BY_NAME[kind], language)
    assert ended.work.engine == "emergency"
    playables = played(happenings)
    assert len(playables) == ended.count
    assert all(playable.packets and playable.work and playable.work.engine == "cached" for playable in playables)


async def test_what_was_never_rehearsed_fails_as_it_did(url_of_a_broken_stack: str) -> None:
    async with Turns(url_of_a_broken_stack, request_seconds=20) as turns:
        live = await turns.say(WHO, "Nobody ever rehearsed this.")
        happenings = [happening async for happening in live.follow()]
    [failed] = of_kind(happenings, TurnFailed)
    assert (failed.stage, failed.index) == ("synthesize", 0)


async def test_ten_turns_in_a_row_never_get_the_same_answer_twice(url_of_a_broken_stack: str) -> None:
    answers = []
    async with Turns(url_of_a_broken_stack, request_seconds=20) as turns:
        for _ in range(10):
            live = await turns.read(WHO, "tell me a joke", spoken=False)
            happenings = [happening async for happening in live.follow()]
            answers += [ended.text for ended in of_kind(happenings, ReplyEnded)]
    assert len(answers) == 10
    assert all(one != other for one, other in pairwise(answers))
