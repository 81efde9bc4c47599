"""What workers know of engines together, against a real Valkey that also dies, hangs and comes back."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger
from pydantic import SecretStr
from redis import Redis

from config.providers import Access, ChatProvider
from tasks import keys
from tasks.afterwards import Afterwards
from tasks.connections import connect, connect_briefly
from tasks.ledger import RedisLedger
from tests.fakes import ledger_worker
from tests.running import HOUSE, RunningValkey, wait_until
from workers.errors import EngineBusy, EngineMisconfigured, EngineTimeout, EngineUnavailable
from workers.failover.ledger import Record, Spent
from workers.failover.limits import LongestCall, kept_below
from workers.failover.memory_ledger import MemoryLedger

CANARY = "sk-canary-" + "0123456789abcdef"
LONGEST_CALL = LongestCall(prompt_tokens=1_000, answer_tokens=100)


class Clock:
    now = 20_000 * 86_400 + 43_200.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """One that tests may kill."""
    with RunningValkey(tmp_path_factory.mktemp("ledger")) as running:
        yield running


@pytest.fixture
def redis(own_valkey: RunningValkey) -> Iterator[Redis]:
    if own_valkey.process.poll() is not None:
        own_valkey.start()
    with connect(own_valkey.url) as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{level} {message}", level="TRACE")
    yield lines
    logger.remove(sink)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledgers(redis: Redis, clock: Clock) -> Iterator[tuple[RedisLedger, RedisLedger]]:
    """Of two machines."""
    here, there = (
        RedisLedger(redis, "generate", host=host, daily_spend_usd=0.01, longest_call=LONGEST_CALL, clock=clock)
        for host in ("here", "there")
    )
    yield here, there
    here.close()
    there.close()


def reached(name: str, *, is_local: bool = False, **fields: float) -> Access[ChatProvider]:
    row = ChatProvider.model_validate(
        {"name": name, "base_url": "https://x.example", "model": "small", "expected_seconds": 1, "is_local": is_local}
        | fields
    )
    return Access[ChatProvider](row=row, base_url=row.base_url, key=SecretStr(CANARY))


def fails(ledger: RedisLedger, name: str, times: int) -> None:
    for _ in range(times):
        ledger.failed(name, EngineTimeout(name, "slow"))
    ledger.flush()


def rests(ledger: RedisLedger, name: str) -> float:
    return ledger.records([name])[name].rests_for_seconds


def test_two_processes_of_eight_threads_keep_below_every_limit_and_the_budget(
    redis: Redis, own_valkey: RunningValkey
) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.ledger_worker", own_valkey.url, str(seed)],
            cwd=HOUSE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    told = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        output, _ = worker.communicate(timeout=100)
        assert worker.returncode == 0
        told.append(json.loads(output))
    assert sum(each["admitted"] for each in told) == kept_below(ledger_worker.REQUESTS_PER_MINUTE)
    usd = sum(each["usd"] for each in told)
    assert 0.7 * ledger_worker.CAP_USD <= usd <= ledger_worker.CAP_USD + ledger_worker.MOST_USD
    assert float(redis.hget(keys.SPENDING, "usd") or 0) == pytest.approx(usd)
    assert redis.zcard(keys.SET_ASIDE) == 0


def test_what_one_worker_learns_all_know(ledgers: tuple[RedisLedger, RedisLedger]) -> None:
    here, there = ledgers
    for ledger in ledgers:
        ledger.announce([reached("groq")])
    fails(here, "groq", 2)
    assert rests(there, "groq") == 0
    fails(there, "groq", 1)
    assert rests(here, "groq") == rests(there, "groq") > 0
    here.succeeded("groq", Spent())
    here.flush()
    assert rests(there, "groq") == 0
    fails(there, "groq", 2)
    assert rests(here, "groq") == 0, "the count began anew"


def test_what_runs_on_one_machine_is_known_only_there(ledgers: tuple[RedisLedger, RedisLedger]) -> None:
    here, there = ledgers
    for ledger in ledgers:
        ledger.announce([reached("ollama", is_local=True)], engines=["llama.cpp"])
    here.probed("ollama", None)
    fails(here, "llama.cpp", 3)
    assert rests(here, "ollama") == 0
    assert rests(there, "ollama") > 0
    assert rests(here, "llama.cpp") > 0
    assert rests(there, "llama.cpp") == 0


def test_a_worker_with_the_right_key_serves_while_another_has_a_wrong_one(
    ledgers: tuple[RedisLedger, RedisLedger],
) -> None:
    here, there = ledgers
    here.announce([reached("groq")])
    right = reached("groq")
    there.announce([right.model_copy(update={"key": SecretStr("right")})])
    here.failed("groq", EngineMisconfigured("groq", "401"))
    here.flush()
    assert here.records(["groq"])["groq"].is_out
    assert not there.records(["groq"])["groq"].is_out


def test_one_of_many_gets_the_lease_of_a_probe(ledgers: tuple[RedisLedger, RedisLedger]) -> None:
    for ledger in ledgers:
        ledger.announce([reached("groq")])
    barrier, won = threading.Barrier(16), []

    def compete(ledger: RedisLedger) -> None:
        barrier.wait()
        if ledger.lease("groq", 30):
            won.append(ledger)

    threads = [threading.Thread(target=compete, args=(ledgers[number % 2],)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_what_a_dead_worker_set_aside_counts_as_spent(
    ledgers: tuple[RedisLedger, RedisLedger], clock: Clock, redis: Redis
) -> None:
    here, there = ledgers
    priced = reached("openai", usd_per_million_in=2.0, usd_per_million_out=10.0).row
    assert not any(here.admit(priced) for _ in range(3))
    assert there.admit(priced), "the budget is taken"
    clock.now += keys.SET_ASIDE_SECONDS + 1
    assert there.admit(priced), "it may have been spent"
    assert there.spent_usd == pytest.approx(0.009)
    here.succeeded("openai", Spent(10, 10, 0.001))
    here.flush()
    assert there.spent_usd == pytest.approx(0.009), "late, and not counted twice"


def test_all_that_is_known_of_32_engines_takes_one_trip(redis: Redis) -> None:
    ledger = RedisLedger(redis, "generate")
    names = [f"provider-{number}" for number in range(32)]
    ledger.records(names)
    before = redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert len(ledger.records(names)) == 32
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1


def uses_all(ledger: RedisLedger, access: Access[ChatProvider]) -> None:
    """Every way of learning something, with a key in every error."""
    name = access.row.name
    ledger.announce([access], engines=["llama.cpp"], without_key=31, own=MemoryLedger())
    ledger.admit(access.row)
    ledger.began(name, 0.4)
    ledger.succeeded(name, Spent(10, 10, 0.0001))
    ledger.admit(access.row)
    ledger.wasted(name, Spent(10, 10, 0.0001))
    ledger.allowed(name, 5, 10, 60)
    ledger.healed(name, "newer")
    for _ in range(4):
        ledger.failed(name, EngineUnavailable(name, f"500 for {CANARY}"))
    ledger.failed(name, EngineBusy(name, f"{CANARY} is busy"))
    ledger.failed(name, EngineMisconfigured(name, f"{CANARY} is wrong"))
    ledger.lease(name, 10)
    ledger.probed(name, EngineTimeout(name, CANARY))
    ledger.admit(access.row)
    ledger.flush()


def everything(redis: Redis) -> str:
    """Every key and what it holds, but for markers of what is under way."""
    kept: list[object] = []
    for key in redis.scan_iter():
        match redis.type(key):
            case b"string":
                kept += [key, redis.get(key)]
            case b"hash":
                kept += [key, redis.hgetall(key)]
            case b"zset":
                kept += [key, redis.zrange(key, 0, -1)]
            case other:
                raise AssertionError(f"what is {key!r}, a {other!r}?")
    return repr(kept)


def test_no_key_gets_into_redis_or_into_the_log(redis: Redis, said: list[str]) -> None:
    ledger = RedisLedger(redis, "generate")
    uses_all(ledger, reached("groq", usd_per_million_in=2.0, requests_per_minute=60))
    ledger.close()
    kept = everything(redis)
    assert "engine:generate:groq" in kept
    assert "***" in kept
    assert CANARY not in kept
    assert not [line for line in said if CANARY in line]
    assert CANARY not in repr(ledger._facts)


def test_nothing_is_kept_for_ever(redis: Redis) -> None:
    ledger = RedisLedger(redis, "generate")
    uses_all(ledger, reached("groq", usd_per_million_in=2.0, requests_per_minute=60))
    ledger.close()
    endless = [key for key in redis.scan_iter() if int(redis.ttl(key)) < 0]
    assert not endless


def test_counts_of_requests_stay_small(redis: Redis, clock: Clock) -> None:
    ledger = RedisLedger(redis, "generate", clock=clock)
    row = reached("groq", requests_per_minute=60).row
    for _ in range(1_000):
        clock.now += 400
        ledger.admit(row)
    assert int(redis.hlen(keys.requests("generate", "groq"))) <= 64


# Without Redis.


def test_with_redis_killed_everybody_is_well_and_afterwards_all_goes_on(
    redis: Redis, own_valkey: RunningValkey, said: list[str]
) -> None:
    with connect_briefly(own_valkey.url) as brief:
        ledger = RedisLedger(brief, "generate")
        access = reached("groq", requests_per_minute=2)
        ledger.announce([access])
        assert ledger.admit(access.row) == ""
        assert ledger.admit(access.row) != ""
        ledger.flush()
        own_valkey.kill()
        for _ in range(50):
            assert ledger.admit(access.row) == ""
            assert ledger.records(["groq"]) == {"groq": Record()}
            assert not ledger.lease("groq", 10)
            ledger.began("groq", 0.25)
            ledger.succeeded("groq", Spent(1, 1, 0.001))
        own_valkey.start()
        wait_until(lambda: not ledger._afterwards.is_away, "Redis to be found again")
        ledger.flush()
        assert ledger.records(["groq"])["groq"].first_seconds == pytest.approx(0.25)
        assert float(redis.hget(keys.SPENDING, "usd") or 0) == pytest.approx(0.05), "what was noted meanwhile is kept"
        ledger.close()
    assert len([line for line in said if line.startswith("WARNING")]) <= 2
    assert CANARY not in "".join(said)


def test_a_redis_that_hangs_is_waited_for_once(redis: Redis, own_valkey: RunningValkey) -> None:
    with connect_briefly(own_valkey.url) as brief:
        ledger = RedisLedger(brief, "generate")
        row = reached("groq").row
        ledger.admit(row)
        options = brief.connection_pool.connection_kwargs
        assert options["socket_timeout"] + options["socket_connect_timeout"] <= 0.2
        own_valkey.freeze()
        try:
            assert ledger.admit(row) == ""
            ledger._scripts.clear()  # asking again would raise
            assert ledger.admit(row) == ""
            assert ledger.records(["groq"]) == {"groq": Record()}
        finally:
            own_valkey.thaw()
        ledger.close()


def test_what_can_not_be_written_is_dropped_from_its_oldest_on_with_one_line(tmp_path: Path, said: list[str]) -> None:
    valkey = RunningValkey(tmp_path)
    with connect_briefly(valkey.url) as brief:
        notes = Afterwards(brief, "notes", most=10)
        notes.missed(ConnectionError("gone"))
        written: list[int] = []
        for number in range(25):
            notes.add(lambda number=number: written.append(number))  # type: ignore[misc]
        assert not written
        with valkey:
            assert notes.flush(20)
            notes.close()
    assert written == list(range(15, 25))
    assert len([line for line in said if "dropping" in line]) == 1
    assert [line for line in said if "15 notes" in line]


def test_a_note_that_can_not_be_written_keeps_no_other(redis: Redis, said: list[str]) -> None:
    notes = Afterwards(redis, "notes")
    written: list[str] = []
    notes.add(lambda: written.append("first"))
    notes.add(lambda: written.remove("nothing"))
    notes.add(lambda: written.append("last"))
    notes.flush()
    notes.close()
    assert written == ["first", "last"]
    assert [line for line in said if line.startswith("ERROR")]
