"""Consent and preferences in a real Valkey: known everywhere, kept, taken back, and safe when it is gone."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot import consent as consent_module
from bot.consent import AGREED_KEY, CHANGES_CHANNEL, Consent
from bot.owed_revocations import OwedRevocations
from bot.preferences import CACHED_SECONDS, Preferences, ServerPreferences
from tasks.connections import connect_async
from tests.running import RunningValkey

ASHA, RAVI = 101, 102


@pytest.fixture
async def redis(valkey: RunningValkey) -> AsyncIterator[Redis]:
    async with connect_async(valkey.url) as connection:
        await connection.delete(AGREED_KEY)
        yield connection


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 (nothing tells of another process's memory)
            await asyncio.sleep(0.01)


async def test_nobody_is_heard_who_did_not_agree(redis: Redis) -> None:
    async with Consent(redis) as consent:
        assert not consent.has_agreed(ASHA)
        await consent.agree(ASHA)
        assert consent.has_agreed(ASHA)
        assert not consent.has_agreed(RAVI)


async def test_consent_outlives_a_restart_and_so_does_its_end(redis: Redis) -> None:
    async with Consent(redis, clock=lambda: 1_700_000_000.5) as consent:
        await consent.agree(ASHA)
        await consent.agree(RAVI)
        await consent.revoke(RAVI)
    assert await redis.hgetall(AGREED_KEY) == {b"101": b"1700000000"}
    async with Consent(redis) as consent:
        assert (consent.has_agreed(ASHA), consent.has_agreed(RAVI)) == (True, False)


async def test_another_process_knows_at_once(redis: Redis) -> None:
    async with Consent(redis) as here, Consent(redis) as there:
        revoked: asyncio.Queue[int] = asyncio.Queue()
        there.on_revoked(revoked.put_nowait)
        await here.agree(ASHA)
        await until(lambda: there.has_agreed(ASHA))
        await here.revoke(ASHA)
        async with asyncio.timeout(5):
            assert await revoked.get() == ASHA
        assert not there.has_agreed(ASHA)


async def test_whoever_takes_it_back_is_told_of_once_here(redis: Redis) -> None:
    async with Consent(redis) as consent:
        revoked: list[int] = []
        consent.on_revoked(revoked.append)
        await consent.revoke(RAVI)  # never agreed: nothing to tell
        await consent.agree(ASHA)
        await consent.revoke(ASHA)
        await consent.revoke(ASHA)
        await consent.agree(RAVI)
        await redis.publish(CHANGES_CHANNEL, f"-{RAVI}")
        await until(lambda: RAVI in revoked)
        assert revoked == [ASHA, RAVI]


async def test_who_takes_it_back_while_it_is_being_stored_is_not_heard(redis: Redis) -> None:
    async with Consent(redis) as consent:
        await asyncio.gather(consent.agree(ASHA), consent.revoke(ASHA))
        assert not consent.has_agreed(ASHA)
        assert not await redis.hexists(AGREED_KEY, str(ASHA))
        await asyncio.gather(consent.revoke(ASHA), consent.agree(ASHA))
        assert consent.has_agreed(ASHA)
        assert await redis.hexists(AGREED_KEY, str(ASHA))


async def test_what_somebody_else_publishes_does_no_harm(redis: Redis) -> None:
    await redis.hset(AGREED_KEY, "nobody", "1")
    async with Consent(redis) as consent:
        for odd in ("", "+", "+x", "-", "++1", "+١٢"):
            await redis.publish(CHANGES_CHANNEL, odd)
        await redis.publish(CHANGES_CHANNEL, f"+{ASHA}")
        await until(lambda: consent.has_agreed(ASHA))


async def test_a_callback_that_breaks_keeps_nobody_heard(redis: Redis) -> None:
    broken: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: broken.append(context["exception"]))
    async with Consent(redis) as here, Consent(redis) as there:
        there.on_revoked(lambda _user: 1 / 0)  # type: ignore[arg-type]
        for user in (ASHA, RAVI):
            await here.agree(user)
            await until(lambda user=user: there.has_agreed(user))  # type: ignore[misc]
            await here.revoke(user)
            await until(lambda user=user: not there.has_agreed(user))  # type: ignore[misc]
        await until(lambda: len(broken) == 2)


async def test_it_is_asked_from_other_threads_without_io(redis: Redis) -> None:
    async with Consent(redis) as consent:
        await consent.agree(ASHA)
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(consent.has_agreed(ASHA)))
        thread.start()
        thread.join()
        assert answers == [True]


async def test_an_outage_is_caught_up_with(tmp_path: Path) -> None:
    """Taken back while Redis is away: not heard at once, stored later. Changed meanwhile by others: read again."""
    with RunningValkey(tmp_path) as own:
        async with connect_async(own.url) as redis, Consent(redis) as consent:
            await consent.agree(ASHA)
            await consent.agree(RAVI)
            own.stop()
            with pytest.raises(RedisError):
                await consent.revoke(ASHA)
            assert not consent.has_agreed(ASHA)
            assert consent.has_agreed(RAVI), "who agreed stays heard"
            with pytest.raises(RedisError):
                await consent.agree(103)
            assert not consent.has_agreed(103)
            own.start()
            async with connect_async(own.url) as other, Consent(other) as there:
                await there.agree(104)
                await there.revoke(RAVI)
                await until(lambda: consent.has_agreed(104) and not consent.has_agreed(RAVI))
                assert not consent.has_agreed(ASHA)
                await until(lambda: not consent._owed)
                assert await other.hkeys(AGREED_KEY) == [b"104"]


async def test_a_cut_subscription_misses_nothing(redis: Redis) -> None:
    async with Consent(redis) as consent:
        await consent.agree(ASHA)
        async with redis.pipeline() as pipeline:  # as one act, so that nobody listens when it is stored
            pipeline.client_kill_filter(_type="pubsub")
            pipeline.hset(AGREED_KEY, str(RAVI), 1)
            pipeline.hdel(AGREED_KEY, str(ASHA))
            await pipeline.execute()
        await until(lambda: consent.has_agreed(RAVI) and not consent.has_agreed(ASHA))


async def test_without_redis_nobody_is_heard_and_nobody_waits(tmp_path: Path) -> None:
    with RunningValkey(tmp_path) as own:
        own.stop()
        async with connect_async(own.url) as redis, Consent(redis) as consent:
            assert not consent.has_agreed(ASHA)
            preferences = Preferences(redis)
            assert await preferences.of_server(1) == ServerPreferences()
            assert await preferences.language_of(ASHA) is None


async def test_what_a_server_chose_is_kept_and_known_elsewhere_soon(redis: Redis) -> None:
    now = [0.0]
    here, there = Preferences(redis), Preferences(redis, clock=lambda: now[0])
    assert await there.of_server(7) == ServerPreferences()
    await here.set_server(7, voice="heart", answers="always")
    await here.set_server(7, language="hi")
    assert await here.of_server(7) == ServerPreferences("always", "heart", "hi")
    assert await there.of_server(7) == ServerPreferences(), "cached"
    now[0] = CACHED_SECONDS
    assert await there.of_server(7) == ServerPreferences("always", "heart", "hi")
    assert await here.of_server(8) == ServerPreferences()
    assert await here.of_server(None) == ServerPreferences()


async def test_what_can_not_be_is_refused_and_what_is_not_understood_is_not_chosen(redis: Redis) -> None:
    preferences = Preferences(redis)
    with pytest.raises(ValueError, match="loudly"):
        await preferences.set_server(9, answers="loudly")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ta"):
        await preferences.set_server(9, language="ta")
    await redis.hset("preferences:server:9", mapping={"answers": "loudly", "language": "ta", "mood": "odd"})
    assert await preferences.of_server(9) == ServerPreferences()


async def test_a_person_chooses_a_language_and_takes_it_back(redis: Redis) -> None:
    preferences = Preferences(redis)
    await preferences.set_language(ASHA, "hinglish")
    assert await preferences.language_of(ASHA) == "hinglish"
    assert await Preferences(redis).language_of(ASHA) == "hinglish"
    await preferences.set_language(ASHA, None)
    assert await preferences.language_of(ASHA) is None
    assert await Preferences(redis).language_of(ASHA) is None


async def test_what_is_taken_back_while_redis_is_away_holds_over_a_restart(tmp_path: Path) -> None:
    kept = OwedRevocations(tmp_path / "revocations")
    with RunningValkey(tmp_path / "valkey") as own:
        async with connect_async(own.url) as redis, Consent(redis, kept=kept) as consent:
            await consent.agree(ASHA)
            await consent.agree(RAVI)
            own.stop()
            with pytest.raises(RedisError):
                await consent.revoke(ASHA)
        own.start()
        async with connect_async(own.url) as redis, Consent(redis, kept=kept) as restarted:
            assert restarted.has_agreed(RAVI)
            assert not restarted.has_agreed(ASHA)
            await until(lambda: not kept.all())
            assert await redis.hkeys(AGREED_KEY) == [str(RAVI).encode()]
            await restarted.revoke(RAVI)
            assert not kept.all(), "Redis knows it"
            await restarted.agree(ASHA)
            assert restarted.has_agreed(ASHA)


async def test_a_subscription_that_is_dead_without_a_word_is_not_trusted_for_long(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_module, "READ_AGAIN_SECONDS", 0.0)
    async with Consent(redis) as consent:
        await consent.agree(ASHA)
        await redis.hdel(AGREED_KEY, str(ASHA))  # as if what was published had got lost
        await until(lambda: not consent.has_agreed(ASHA))


async def test_where_nothing_can_be_kept_a_revocation_holds_all_the_same(redis: Redis, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with Consent(redis, kept=OwedRevocations(tmp_path / "file")) as consent:
        await consent.agree(ASHA)
        await consent.revoke(ASHA)
        assert not consent.has_agreed(ASHA)
