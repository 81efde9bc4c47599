"""Speaking ahead, with a real Redis: out of the way of people, once for all workers, whole through kills."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import RedisError

from bot.by_heart import ByHeart
from config.emergency import known_by_heart
from config.phrases import Language
from config.settings import Settings
from tasks import keys
from tasks.by_heart import cut
from tasks.cached_speech import CachedSpeech, Recording, fetch, share
from tasks.connections import connect
from tasks.rehearsal import Rehearsal
from tests.fakes.stages import ToneSynthesizer
from tests.running import HOUSE, RunningValkey, unused_port, wait_until
from workers.engines import Speech
from workers.errors import EngineUnavailable

LINES: dict[str, Language] = {"Hello you, my head is foggy.": "en", "Achha. Soch nahi pa rahi.": "hinglish"}
VOICE = "tone-1"


@pytest.fixture
def redis(valkey: RunningValkey) -> Iterator[Redis]:
    with connect(valkey.url) as connection:
        connection.delete(keys.CACHED_SPEECH, keys.REHEARSING)
        yield connection


def cache_in(folder: Path) -> CachedSpeech:
    return CachedSpeech(folder, LINES, cut)


class Scene:
    """One worker's rehearsal."""

    def __init__(self, redis: Redis, cached: CachedSpeech, **more: Any) -> None:
        self.cached = cached
        self.spoken: list[tuple[str, Language]] = []
        self.paused = 0
        options = {"voice": VOICE, "is_busy": lambda: False, "most_bytes": 10**6, **more}
        self.rehearsal = Rehearsal(redis, cached, LINES, self.speak, pause=self.pause, **options)

    def speak(self, text: str, language: Language) -> Speech:
        self.spoken.append((text, language))
        return ToneSynthesizer().synthesize(text, language=language)

    def pause(self, _seconds: float) -> None:
        self.paused += 1


def test_each_piece_is_spoken_once_in_its_language_and_shared(redis: Redis, tmp_path: Path) -> None:
    scene = Scene(redis, cache_in(tmp_path / "one"))
    assert scene.rehearsal.rehearse()
    assert scene.spoken == [(piece, LINES[text]) for text in LINES for piece in cut(text)]
    assert scene.paused == len(scene.spoken), "it rests between pieces"
    assert scene.rehearsal.rehearse()
    assert len(scene.spoken) == scene.paused, "what is there is not spoken again"
    elsewhere = cache_in(tmp_path / "two")
    assert fetch(redis, elsewhere) == len(LINES)
    assert fetch(redis, elsewhere) == 0
    for text in LINES:
        assert elsewhere.find(text) == scene.cached.find(text) != ()
    assert 0 < redis.ttl(keys.CACHED_SPEECH) <= keys.CACHED_SPEECH_SECONDS
    assert not redis.exists(keys.REHEARSING)


def test_what_others_spoke_is_taken_and_not_spoken_again(redis: Redis, tmp_path: Path) -> None:
    Scene(redis, cache_in(tmp_path / "one")).rehearsal.rehearse()
    second = Scene(redis, cache_in(tmp_path / "two"))
    assert second.rehearsal.rehearse()
    assert not second.spoken


def test_one_worker_at_a_time_and_a_dead_one_is_followed(redis: Redis, tmp_path: Path) -> None:
    scene = Scene(redis, cache_in(tmp_path))
    redis.set(keys.REHEARSING, "somebody", px=300)
    assert not scene.rehearsal.rehearse()
    assert not scene.spoken
    wait_until(scene.rehearsal.rehearse, "the dead worker's lock to run out", 5)


def test_who_has_no_voice_takes_what_others_spoke(redis: Redis, tmp_path: Path) -> None:
    Scene(redis, cache_in(tmp_path / "one")).rehearsal.rehearse()
    mute = Scene(redis, cache_in(tmp_path / "two"), voice=None)
    assert mute.rehearsal.rehearse()
    assert not mute.spoken
    assert all(mute.cached.find(text) for text in LINES)


def test_it_waits_while_the_worker_has_a_task(redis: Redis, tmp_path: Path) -> None:
    looks = iter([True, True, False, *[False] * 20])
    scene = Scene(redis, cache_in(tmp_path), is_busy=lambda: next(looks))
    scene.rehearsal.rehearse()
    assert scene.paused == len(scene.spoken) + 2


def test_it_stops_where_it_takes_too_much_room(redis: Redis, tmp_path: Path) -> None:
    scene = Scene(redis, cache_in(tmp_path), most_bytes=1)
    assert scene.rehearsal.rehearse()
    assert len(scene.cached.names(VOICE)) == 1


def test_old_texts_are_forgotten_everywhere_and_strange_fields_are_left_alone(redis: Redis, tmp_path: Path) -> None:
    scene = Scene(redis, cache_in(tmp_path / "one"))
    scene.rehearsal.rehearse()
    old = {"../../etc/passwd": b"x", f"{VOICE}/{'0' * 32}": b"x", "a/b/c": b"\xff"}
    redis.hset(keys.CACHED_SPEECH, mapping=old)  # type: ignore[arg-type]
    elsewhere = cache_in(tmp_path / "two")
    assert fetch(redis, elsewhere) == len(LINES)
    assert [file for file in tmp_path.rglob("*") if "passwd" in file.name] == []
    scene.rehearsal.rehearse()
    assert redis.hlen(keys.CACHED_SPEECH) == len(LINES)


def test_what_is_spoilt_in_redis_is_not_taken(redis: Redis, tmp_path: Path) -> None:
    scene = Scene(redis, cache_in(tmp_path / "one"))
    scene.rehearsal.rehearse()
    first, second = sorted(redis.hkeys(keys.CACHED_SPEECH))
    redis.hset(keys.CACHED_SPEECH, first, redis.hget(keys.CACHED_SPEECH, second) or b"")
    redis.hset(keys.CACHED_SPEECH, second, b"half of it")
    assert fetch(redis, cache_in(tmp_path / "two")) == 0


def test_a_broken_engine_and_a_redis_that_is_away_are_told(redis: Redis, tmp_path: Path) -> None:
    scene = Scene(redis, cache_in(tmp_path))
    scene.rehearsal._speak = broken
    with pytest.raises(EngineUnavailable):
        scene.rehearsal.rehearse()
    assert not redis.exists(keys.REHEARSING), "another may try"
    with connect(f"redis://127.0.0.1:{unused_port()}/0") as nowhere, pytest.raises(RedisError):
        Scene(nowhere, cache_in(tmp_path)).rehearsal.rehearse()


async def test_a_bot_on_another_machine_fetches_what_it_may_have_to_say(
    redis: Redis, valkey: RunningValkey, tmp_path: Path
) -> None:
    text = known_by_heart()[0][1]
    workers_side = everything_in(tmp_path / "worker")
    workers_side.keep(VOICE, Recording(text, tuple((piece, (b"p",)) for piece in cut(text))))
    share(redis, workers_side, VOICE)
    settings = Settings(_env_file=None, priya_home=tmp_path / "bot", redis_url=SecretStr(valkey.url))
    async with ByHeart(settings) as by_heart:
        async with asyncio.timeout(15):
            while not await by_heart.sound_of(text):  # noqa: ASYNC110 - nobody tells it
                await asyncio.sleep(0.02)
        assert await by_heart.sound_of(text) == workers_side.find(text)
        assert await by_heart.sound_of("never rehearsed") == ()
    redis.delete(keys.CACHED_SPEECH)
    async with ByHeart(settings) as by_heart:
        assert await by_heart.sound_of(text), "it survives a restart, and Redis forgetting"


def broken(text: str, language: Language) -> Speech:
    raise EngineUnavailable("fake-mouth", "told to fail")


KILLED = """
import sys
from pathlib import Path
from tasks.connections import connect
from config.emergency import known_by_heart
from tests.integration.test_rehearsal import Scene, everything_in
scene = Scene(connect(sys.argv[1]), everything_in(Path(sys.argv[2])), most_bytes=10**9)
scene.rehearsal._lines = {text: language for language, text in known_by_heart()}
scene.rehearsal.rehearse()
"""


def everything_in(folder: Path) -> CachedSpeech:
    return CachedSpeech(folder, [text for _, text in known_by_heart()], cut)


def test_a_worker_that_is_killed_while_it_rehearses_leaves_no_torn_file(
    redis: Redis, valkey: RunningValkey, tmp_path: Path
) -> None:
    cached = everything_in(tmp_path)
    kept = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", KILLED, valkey.url, str(tmp_path)], cwd=HOUSE)
        wait_until(lambda: len(cached.names(VOICE)) > kept or None, "a recording", 60)  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.wait()
        names = cached.names(VOICE)
        assert len(names) > kept, "what was there stays"
        kept = len(names)
        assert len(cached.missing(VOICE)) == len(cached.texts) - kept, "every file is whole"
        redis.delete(keys.REHEARSING)  # half a minute later
    assert kept < len(cached.texts)
