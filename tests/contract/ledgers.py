"""Ledgers of every kind for one contract, with a clock that a test moves and a row that it makes."""

from typing import Any

from pydantic import SecretStr

from config.providers import Access, ChatProvider
from tasks.ledger import RedisLedger
from workers.errors import EngineTimeout
from workers.failover.ledger import Record
from workers.failover.limits import LongestCall
from workers.failover.memory_ledger import MemoryLedger
from workers.failover.resting import FAILURES_BEFORE_REST, JITTER, Rest

NOON = 20_000 * 86_400 + 43_200.0
LONGEST_CALL = LongestCall(prompt_tokens=1_000, answer_tokens=100)
CAP_USD = 0.01
KEY = "sk-canary-" + "0123456789abcdef"

type AnyLedger = MemoryLedger | RedisLedger


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def row(name: str = "groq", /, **fields: Any) -> ChatProvider:
    return ChatProvider.model_validate(
        {"name": name, "base_url": f"https://{name}.example/v1", "model": "small", "expected_seconds": 1, **fields}
    )


def reached(provider: ChatProvider, key: str = KEY) -> Access[ChatProvider]:
    return Access[ChatProvider](row=provider, base_url=provider.base_url, key=SecretStr(key))


def of(ledger: AnyLedger, name: str = "groq") -> Record:
    ledger.flush()
    return ledger.records([name])[name]


def fails(ledger: AnyLedger, times: int = FAILURES_BEFORE_REST, name: str = "groq") -> None:
    for _ in range(times):
        ledger.failed(name, EngineTimeout(name, "nothing came"))
    ledger.flush()


def about(rest: Rest, earlier: int = 0, *, grace: bool = True) -> tuple[float, float]:
    """The shortest and the longest rest."""
    seconds = min(rest.longest_seconds, rest.first_seconds * 2**earlier)
    more = rest.grace_seconds if grace else 0
    return seconds * (1 - JITTER) + more, seconds * (1 + JITTER) + more


def is_within(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is not None and bounds[0] - 0.01 <= value <= bounds[1] + 0.01
