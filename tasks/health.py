"""How all engines are, as workers told and as Redis counted: for ``!health`` and ``!status``. Knows no engine.

Which providers can be asked only their workers know, who have the keys. Each says so again and again; what several
machines say is one picture.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from redis.asyncio import Redis

from tasks import keys
from tasks.messages import StageName
from tasks.standing import RECORDS, Asked, Standing, asked_of, standings

SHOWN: Final[tuple[StageName, ...]] = ("transcribe", "generate", "synthesize")
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Today:
    """What one engine did since midnight (UTC)."""

    answers: int = 0
    failures: int = 0
    lost: int = 0
    """Answers that were begun and not wanted: somebody else was quicker, or nobody waited any more."""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_wasted: int = 0
    usd: float = 0.0

    @property
    def attempts(self) -> int:
        return self.answers + self.failures + self.lost


@dataclass(frozen=True, slots=True)
class EngineHealth:
    name: str
    kind: Literal["cloud", "neighbour", "own"]
    model: str
    """The row's own; ``standing.model`` serves in its place when it was retired."""
    standing: Standing
    today: Today

    @property
    def is_away(self) -> bool:
        return self.standing.is_out or self.standing.rests_for_seconds > 0


@dataclass(frozen=True, slots=True)
class StageHealth:
    engines: tuple[EngineHealth, ...]
    """In the order in which the workers name them; of several machines' each name once, the one that is best off."""
    without_key: int
    """Providers that nobody can ask, because their key is not set."""


@dataclass(frozen=True, slots=True)
class Health:
    stages: Mapping[StageName, StageHealth]
    spent_usd: float
    """Today, of all stages."""
    cap_usd: float | None
    """None while no worker is there to tell."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One engine as one worker announced it."""

    stage: StageName
    host: str
    said: dict[str, Any]

    @property
    def named(self) -> str:
        """As keys name it."""
        return self.said["name"] if self.said["kind"] == "cloud" else f"{self.said['name']}@{self.host}"

    def asked(self) -> Asked:
        return Asked(
            keys.engine(self.stage, self.named),
            keys.requests(self.stage, self.named),
            self.said["per_minute"],
            self.said["per_day"],
            self.said["fingerprint"],
            self.said["model"],
        )


async def read_health(redis: Redis) -> Health:
    """Two trips. Raises RedisError."""
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.hgetall(keys.SPENDING)
        for stage in SHOWN:
            pipeline.hgetall(keys.announced(stage))
        (seconds, microseconds), spending, *announced = await pipeline.execute()
    now = seconds + microseconds / 1e6
    told = {stage: _told(said, now) for stage, said in zip(SHOWN, announced, strict=True)}
    rows = [
        _Row(stage, said["host"], row) for stage, workers in told.items() for said in workers for row in said["rows"]
    ]
    answer = await cast("Any", redis.eval(RECORDS, 0, "", "0", asked_of([row.asked() for row in rows])))
    counted = _counted(spending, now)
    engines = [
        (row.stage, _engine(row, standing, counted)) for row, standing in zip(rows, standings(answer), strict=True)
    ]
    return Health(
        {
            stage: StageHealth(
                _each_once(engine for its, engine in engines if its == stage),
                min((said["without_key"] for said in told[stage]), default=0),
            )
            for stage in SHOWN
        },
        float(counted.get("usd", 0)),
        min((said["cap_usd"] for workers in told.values() for said in workers), default=None),
    )


def _told(announced: Mapping[bytes, bytes], now: float) -> list[dict[str, Any]]:
    """What workers that are still there said, in the order of their names."""
    said = [value.decode().split(" ", 1) for _, value in sorted(announced.items())]
    return [json.loads(text) for until, text in said if float(until) > now]


def _counted(spending: Mapping[bytes, bytes], now: float) -> Mapping[str, str]:
    """Today's counts; nothing when the last ones are of another day."""
    counted = {field.decode(): value.decode() for field, value in spending.items()}
    return counted if counted.get("day") == str(int(now // DAY_SECONDS)) else {}


def _engine(row: _Row, standing: Standing, counted: Mapping[str, str]) -> EngineHealth:
    label = f"{row.stage}:{row.named}"

    def count(field: str) -> float:
        return float(counted.get(f"{field}:{label}", 0))

    today = Today(
        answers=int(count("answers")),
        failures=int(count("failures")),
        lost=int(count("lost")),
        tokens_in=int(count("in")),
        tokens_out=int(count("out")),
        tokens_wasted=int(count("wasted")),
        usd=count("usd"),
    )
    record = row.said.get("record")
    own = _standing(record) if record is not None else standing
    return EngineHealth(row.said["name"], row.said["kind"], row.said["model"], own, today)


def _standing(record: Mapping[str, Any]) -> Standing:
    """Of an engine inside a worker, which keeps what is known of it to itself and tells it."""
    known = {name: value for name, value in record.items() if name in Standing.__dataclass_fields__}
    return Standing(**{"requests_left": None, **known})


def _each_once(engines: Iterable[EngineHealth]) -> tuple[EngineHealth, ...]:
    """Several machines have the same program, and several workers may have different keys: the best off is shown."""
    best: dict[str, EngineHealth] = {}
    for engine in engines:
        known = best.get(engine.name)
        if known is None or _badness(engine) < _badness(known):
            best[engine.name] = engine
    return tuple(best.values())


def _badness(engine: EngineHealth) -> tuple[bool, float]:
    return engine.standing.is_out, engine.standing.rests_for_seconds


def away(engines: Sequence[EngineHealth]) -> tuple[str, ...]:
    """Names of those that are not asked now."""
    return tuple(engine.name for engine in engines if engine.is_away)
