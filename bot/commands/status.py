"""status and help: how she is, and what she can do."""

import math
import time
from collections.abc import Iterable
from typing import Final

import nextcord
import psutil
from redis.exceptions import RedisError

from bot.commands.caller import Caller, Reply
from bot.parts import Parts
from tasks.dispatch import StageLoad
from tasks.health import StageHealth, away, read_health
from tasks.messages import StageName

NAMES: Final = ("join", "leave", "talk", "stop", "voice", "language", "consent", "answers", "status", "health", "help")
"""Every command, in the order of the help."""

SHOWN: Final[tuple[StageName, ...]] = ("transcribe", "generate", "synthesize")
"""Without these she is ill; whether tidying up goes on is nothing to worry people with."""


async def status(caller: Caller, parts: Parts) -> Reply:
    active, lag = parts.active, parts.lag.lag()
    try:
        stages = await parts.turns.dispatcher.stages()
        health = await read_health(parts.turns.dispatcher.redis)
        workers = [line for stage in SHOWN for line in _stage(caller, stage, stages[stage], health.stages[stage])]
        is_well = all(stages[stage].workers for stage in SHOWN)
    except RedisError:
        stages, workers, is_well = {}, [caller.say("status_no_redis")], False
    lines = [
        caller.say("status_intro" if is_well else "status_intro_ill", uptime=duration(time.time() - parts.started_at)),
        caller.say(
            "status_messages",
            taken=active.taken,
            answered=active.answered,
            failed=active.failed,
            active=active.running,
        ),
        *workers,
        caller.say("status_memory", bot=own_memory_mb(), workers=_memory_mb(stages.values())),
        caller.say("status_gateway", latency=latency_ms(caller.client.latency), shards=shards_of(caller.client)),
        caller.say("status_lag", p99=f"{lag.p99_ms:.0f}", worst=f"{lag.max_ms:.0f}"),
    ]
    return Reply("\n".join(lines))


async def help_(caller: Caller) -> Reply:
    lines = [f"`{name}`: {caller.say(f'help_{name}')}" for name in NAMES]
    return Reply("\n".join([caller.say("help_intro"), *lines, caller.say("help_outro")]))


def _stage(caller: Caller, stage: StageName, load: StageLoad, health: StageHealth) -> list[str]:
    offered = (engine for worker in load.workers for engine in worker.engines or (worker.engine,) if engine)
    engines = _in_order([*offered, *(engine.name for engine in health.engines if load.workers)])
    resting = away(health.engines)
    told = ", ".join(engine for engine in engines if engine not in resting) or caller.say("status_nobody")
    lines = [caller.say(f"status_stage_{stage}", engines=told, workers=len(load.workers), waiting=load.waiting)]
    if resting and load.workers:
        lines.append(caller.say("status_away", engines=", ".join(resting)))
    voices = _in_order(voice for worker in load.workers for voice in worker.voices)
    return [*lines, caller.say("status_voices", voices=", ".join(voices))] if voices else lines


def _in_order(names: Iterable[str]) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(names))


def _memory_mb(stages: Iterable[StageLoad]) -> int:
    """A process that serves several stages counts once."""
    return sum({(worker.host, worker.pid): worker.memory_mb for load in stages for worker in load.workers}.values())


def own_memory_mb() -> int:
    """Resident memory of this process."""
    resident: int = psutil.Process().memory_info().rss
    return resident // 2**20


def duration(seconds: float) -> str:
    """As ``3d 4h 5m``; the largest three units that are not zero."""
    left = max(0, int(seconds))
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:3]) or "0s"


def latency_ms(seconds: float) -> str:
    """Of the gateway's last heartbeat; not known before the first."""
    return str(round(seconds * 1000)) if math.isfinite(seconds) else "?"


def shards_of(client: nextcord.Client) -> str:
    """As ``0, 1 of 4``, with this process's own; ``1`` for a client without shards."""
    if not isinstance(client, nextcord.AutoShardedClient):
        return "1"
    mine = ", ".join(str(shard) for shard in sorted(client.shards))
    return f"{mine} of {client.shard_count or len(client.shards)}"
