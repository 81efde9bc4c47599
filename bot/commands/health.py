"""health: every engine's state, speed, success, cost and what is left of its limits, in what one message holds."""

from collections.abc import Sequence
from typing import Final

from bot.commands.caller import LONGEST_MESSAGE, Caller, Reply
from bot.commands.status import duration
from bot.parts import Parts
from tasks.health import SHOWN, EngineHealth, Health, StageHealth, read_health

LONGEST_CAUSE: Final = 48
"""Characters of why an engine is away: enough for a status and a word."""
RESERVED: Final = 60
"""Characters for saying how many lines did not fit."""


async def health(caller: Caller, parts: Parts) -> Reply:
    """Raises RedisError."""
    return Reply(told(caller, await read_health(parts.turns.dispatcher.redis)))


def told(caller: Caller, health: Health) -> str:
    """In one message, however many engines there are."""
    lines = [caller.say("health_intro")]
    if health.cap_usd is not None:
        lines.append(caller.say("health_spent", spent=dollars(health.spent_usd), cap=dollars(health.cap_usd)))
    for stage in SHOWN:
        lines += _stage(caller, stage, health.stages[stage])
    return _fitted(caller, lines)


def _stage(caller: Caller, stage: str, told: StageHealth) -> list[str]:
    """A line for each engine that has something to tell; those that only wait share one."""
    lines = [caller.say("health_stage", stage=stage)]
    idle = [engine for engine in told.engines if _is_idle(engine)]
    lines += [f"- {_engine(caller, engine)}" for engine in told.engines if not _is_idle(engine)]
    if idle:
        lines.append("- " + caller.say("health_ready", names=", ".join(engine.name for engine in idle)))
    if not told.engines:
        lines.append("- " + caller.say("health_nobody"))
    if told.without_key:
        lines.append("- " + caller.say("health_without_key", count=told.without_key))
    return lines


def _is_idle(engine: EngineHealth) -> bool:
    """Well, and nothing happened to it today."""
    return not engine.is_away and not engine.standing.model and not engine.today.attempts and engine.kind != "own"


def _engine(caller: Caller, engine: EngineHealth) -> str:
    standing, today = engine.standing, engine.today
    facts = [_state(caller, engine)]
    if standing.model:
        facts.append(caller.say("health_replaced", old=engine.model, new=standing.model))
    if standing.first_seconds is not None:
        facts.append(caller.say("health_first", seconds=f"{standing.first_seconds:.1f}"))
    if today.attempts or standing.success_rate < 1:
        facts.append(f"{standing.success_rate:.0%}")
    if tokens := today.tokens_in + today.tokens_out:
        facts.append(caller.say("health_tokens", count=short(tokens)))
    if today.tokens_wasted:
        facts.append(caller.say("health_wasted", count=short(today.tokens_wasted)))
    if today.usd:
        facts.append(dollars(today.usd))
    if standing.requests_left is not None:
        facts.append(caller.say("health_left", count=short(standing.requests_left)))
    return f"{engine.name}: {', '.join(facts)}"


def _state(caller: Caller, engine: EngineHealth) -> str:
    standing = engine.standing
    why = cause(engine.name, standing.why)
    if standing.is_out:
        return caller.say("health_out", why=why)
    if standing.rests_for_seconds > 0:
        return caller.say("health_resting", time=duration(max(1, standing.rests_for_seconds)), why=why)
    return caller.say("health_serving")


def cause(name: str, why: str) -> str:
    """Providers' own words, fit for a chat: short, no links, no markup, nobody called."""
    bare = why.removeprefix(f"{name}: ")
    plain = "".join(letter for letter in bare if letter not in "*_`~|<>@#[]()\\").replace("://", " ")
    return plain if len(plain) <= LONGEST_CAUSE else plain[: LONGEST_CAUSE - 1].rstrip() + "…"


def _fitted(caller: Caller, lines: Sequence[str]) -> str:
    """Whole lines, and how many were left out."""
    text = "\n".join(lines)
    if len(text) <= LONGEST_MESSAGE:
        return text
    kept: list[str] = []
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > LONGEST_MESSAGE - RESERVED:
            break
        kept.append(line)
    return "\n".join([*kept, caller.say("health_more", count=len(lines) - len(kept))])


def dollars(usd: float) -> str:
    """As ``$0.0012``: single answers cost fractions of a cent."""
    return f"${usd:.4f}" if 0 < usd < 0.1 else f"${usd:.2f}"


def short(number: int) -> str:
    """As ``950``, ``12k``, ``3.4M``."""
    if number < 1_000:
        return str(number)
    return f"{number / 1_000:.0f}k" if number < 999_500 else f"{number / 1e6:.1f}M"
