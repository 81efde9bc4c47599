"""health, and what status says of engines: written by workers' ledgers, read by the bot."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.commands.caller import LONGEST_MESSAGE
from config.phrases import LANGUAGES, phrases
from config.providers import Access, ChatProvider, SpeakProvider
from tasks import keys
from tasks.connections import connect
from tasks.ledger import RedisLedger
from tasks.messages import StageName
from tasks.presence import Offer, Presence
from tests.integration.commands.evening import DOORS, Evening, says
from tests.running import RunningValkey
from workers.errors import EngineBusy, EngineMisconfigured, EngineTimeout
from workers.failover.ledger import Spent
from workers.failover.memory_ledger import MemoryLedger

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp

CANARY = "sk-canary-" + "0123456789abcdef"

type Ledgers = Callable[..., RedisLedger]


@pytest.fixture
def ledgers(own_valkey: RunningValkey) -> Iterator[Ledgers]:
    """Makes the ledgers of workers: of a stage, on a machine."""
    made: list[RedisLedger] = []
    with connect(own_valkey.url) as redis:

        def make(stage: StageName, host: str = "here") -> RedisLedger:
            made.append(RedisLedger(redis, stage, host=host, daily_spend_usd=2.0))
            return made[-1]

        yield make
        for ledger in made:
            ledger.close()


def reached(name: str, *, is_local: bool = False, key: str = CANARY, **fields: float) -> Access[ChatProvider]:
    row = ChatProvider.model_validate(
        {"name": name, "base_url": "https://x.example", "model": "small", "expected_seconds": 1, "is_local": is_local}
        | fields
    )
    return Access[ChatProvider](row=row, base_url=row.base_url, key=SecretStr(key))


def line_of(told: str, name: str) -> str:
    lines = [line for line in told.splitlines() if line.startswith(f"- {name}: ")]
    assert len(lines) == 1, told
    return lines[0]


@pytest.mark.parametrize("door", DOORS)
async def test_health_tells_of_every_engine_that_has_something_to_tell(
    evening: Evening, ledgers: Ledgers, door: str
) -> None:
    ledger, own = ledgers("generate"), MemoryLedger()
    own.began("llama.cpp", 0.31)
    names = ("groq", "cerebras", "xai", "mistral", "together", "openai")
    accesses = [reached(name, requests_per_minute=30) for name in names]
    ledger.announce([*accesses, reached("ollama", is_local=True)], ["llama.cpp"], without_key=24, own=own)
    ledger.admit(accesses[0].row)
    ledger.began("groq", 0.42)
    ledger.succeeded("groq", Spent(11_000, 1_500, 0.0123))
    ledger.wasted("groq", Spent(100, 40, 0.0))
    for _ in range(3):
        ledger.failed("cerebras", EngineTimeout("cerebras", "nothing came for 4 s"))
    ledger.failed("xai", EngineMisconfigured("xai", f"401: {CANARY} <@1> https://x.example"))
    ledger.failed("mistral", EngineBusy("mistral", "429", retry_after_seconds=125))
    ledger.healed("together", "newer")
    ledger.flush()

    told = await evening.orders(door, "health")
    assert told.splitlines()[0] in says("health_intro")
    assert "Spent today: $0.0123 of $2.00" in told
    assert line_of(told, "llama.cpp") == "- llama.cpp: fine, first words after 0.3 s"
    groq = line_of(told, "groq")
    for fact in ("fine", "0.4 s", "100%", "13k tokens", "40 wasted", "$0.0123", "27 requests left"):
        assert fact in groq
    assert "nothing came for 4 s" in line_of(told, "cerebras")
    assert "resting for 2m" in line_of(told, "mistral")
    assert "out until somebody mends it (401: " in line_of(told, "xai")
    assert "small was retired, newer serves instead" in line_of(told, "together")
    assert "not found on this machine" in line_of(told, "ollama")
    assert "ready, not needed today: openai" in told
    assert "24 more I have no key for" in told
    assert "nobody has told me yet" in told, "of ears and voice"
    for unfit in (CANARY, "<@", "://"):
        assert unfit not in told


async def test_what_several_machines_say_is_one_picture(evening: Evening, ledgers: Ledgers) -> None:
    here, there = ledgers("generate", "here"), ledgers("generate", "there")
    here.announce([reached("groq", key="wrong"), reached("ollama", is_local=True)], without_key=30)
    there.announce([reached("groq"), reached("ollama", is_local=True), reached("xai")], without_key=29)
    here.failed("groq", EngineMisconfigured("groq", "401"))
    there.probed("ollama", None)
    speaker = SpeakProvider(
        name="sarvam", base_url="https://s.example", dialect="sarvam", model="m", voice="v", expected_seconds=1
    )
    speech = ledgers("synthesize", "there")
    speech.announce([Access[SpeakProvider](row=speaker, base_url=speaker.base_url, key=None)])
    for ledger in (here, there, speech):
        ledger.flush()
    told = await evening.orders("prefix", "health")
    assert line_of(told, "groq").startswith("- groq: fine"), "one of them can ask it"
    assert "ready, not needed today: ollama, xai" in told
    assert "ready, not needed today: sarvam" in told
    assert "29 more" in told


async def test_a_worker_that_is_gone_offers_nothing(
    evening: Evening, ledgers: Ledgers, own_valkey: RunningValkey
) -> None:
    ledger = ledgers("generate")
    ledger.announce([reached("groq")])
    ledger.flush()
    with connect(own_valkey.url) as redis:
        [(worker, said)] = redis.hgetall(keys.announced("generate")).items()
        assert isinstance(said, bytes)
        redis.hset(keys.announced("generate"), worker, b"1.0 " + said.split(b" ", 1)[1])
    told = await evening.orders("prefix", "health")
    assert "groq" not in told


async def test_32_providers_in_trouble_fit_into_one_message_in_every_language(
    evening: Evening, ledgers: Ledgers
) -> None:
    ledger = ledgers("generate")
    names = [f"provider-{number}" for number in range(32)]
    ledger.announce([reached(name, requests_per_minute=30) for name in names], ["llama.cpp"])
    for name in names:
        ledger.began(name, 1.25)
        ledger.succeeded(name, Spent(123_456, 34_567, 0.001))
        ledger.healed(name, "a-model-with-a-very-long-name-indeed")
        for _ in range(3):
            ledger.failed(name, EngineTimeout(name, "nothing came for all of the time that it was given"))
    ledger.flush()
    for language in LANGUAGES:
        await evening.parts.preferences.set_language(evening.asha.id, language)
        told = await evening.orders("slash", "health")
        assert len(told) <= LONGEST_MESSAGE
        assert told.splitlines()[0] in says("health_intro", language)
        last = told.splitlines()[-1]
        assert any(last == phrases().say("health_more", language, count=count) for count in range(1, 40))
        assert "provider-5: " in told


@pytest.mark.parametrize("door", DOORS)
async def test_status_names_who_could_answer_and_who_rests(
    evening: Evening, ledgers: Ledgers, own_valkey: RunningValkey, door: str
) -> None:
    ledger = ledgers("generate")
    ledger.announce([reached("groq"), reached("xai")])
    ledger.failed("xai", EngineBusy("xai", "429", retry_after_seconds=60))
    ledger.flush()
    with connect(own_valkey.url) as redis:
        presence = Presence(redis, "generate", longest_task_seconds=60)
        presence.become("ready", "llama.cpp", Offer(("llama.cpp", "groq", "xai")))
        presence._renew()
        told = await evening.orders(door, "status")
    assert "AI providers: llama.cpp, groq (" in told
    assert "Resting right now: xai" in told


@pytest.mark.parametrize("door", DOORS)
async def test_without_redis_there_is_no_health_to_tell(
    evening: Evening, own_valkey: RunningValkey, door: str, tmp_path: Path
) -> None:
    own_valkey.stop()
    assert await evening.orders(door, "health") in says("no_memory")
