"""``python -m tasks.worker STAGE``: one worker process of one stage.

It says that it is loading, loads and warms up its engines, and only then takes tasks.
"""

import argparse
import os
import sys
import warnings
from dataclasses import dataclass
from typing import Final, Protocol

from config.settings import Settings, SettingsError, load_settings
from tasks.giving_way import give_way
from tasks.messages import STAGES, StageName
from tasks.presence import Offer


@dataclass(frozen=True, slots=True)
class Pool:
    """How a stage's tasks share a process."""

    kind: str
    concurrency: int
    why: str
    niceness: int = 5
    """Workers give way to a bot on the same machine: it needs little, but at once. Voice detection that waits for a
    core while both are busy with Whisper hears the end of speech late (measured: up to 40 ms on two cores). Among each
    other they give way to whoever is nearer to the ear: a sentence is spoken while the next ones are written."""


def pools(settings: Settings) -> dict[StageName, Pool]:
    return {
        "transcribe": Pool("solo", 1, "one model, one device: more threads would only share it"),
        "generate": Pool("threads", settings.max_concurrent_requests, "most turns wait for a cloud's stream", 7),
        "synthesize": Pool("threads", os.cpu_count() or 1, "engines release the GIL while they speak", 3),
        "upkeep": Pool("threads", 2, "short tasks, mostly waiting for Redis"),
    }


MISCONFIGURED: Final = os.EX_CONFIG
"""Exit code for what starting again can't mend; deploy/keep.py doesn't try."""


def celery_arguments(stage: StageName, pool: Pool, settings: Settings, concurrency: int | None) -> list[str]:
    arguments = [
        "--quiet",  # no banner among the JSON lines
        "worker",
        f"--queues={stage}",
        f"--include=tasks.{stage}",  # no other stage's body, nor what it needs
        f"--pool={pool.kind}",
        f"--concurrency={concurrency or pool.concurrency}",
        # Two workers of a stage may share a machine, so the process id is part of the name.
        f"--hostname={stage}-{os.getpid()}@%h",
        f"--loglevel={settings.log_level.replace('TRACE', 'DEBUG')}",
        "--without-gossip",
        "--without-mingle",
    ]
    if stage == "upkeep":
        # Any number of upkeep workers may run: a beat that fires twice only looks after the house twice. What
        # it did before a restart doesn't matter, so it keeps no file.
        arguments += ["--beat", "--scheduler=celery.beat.Scheduler"]
    return arguments


class Engines(Protocol):
    """What a worker does its work with."""

    def load(self) -> str:
        """Load what serves first, and return its name. Raises EngineError, UnknownEngine, ProvidersError."""
        ...

    def offer(self) -> Offer: ...

    def watch_over(self) -> None: ...

    def leave(self) -> None: ...


class NoEngines:
    """Upkeep's: its machine needs no library of an engine or of a provider."""

    def load(self) -> str:
        return "none"

    def offer(self) -> Offer:
        return Offer()

    def watch_over(self) -> None:
        """There is nothing to watch over."""

    def leave(self) -> None:
        """There is nothing to leave."""


def engines_of(stage: StageName) -> Engines:
    if stage == "upkeep":
        return NoEngines()
    from tasks.engines import StageEngines

    return StageEngines(stage)


def work(stage: StageName, settings: Settings, concurrency: int | None) -> int:
    """Run the worker until it is told to stop. Returns its exit code."""
    # Imported late: the command line must answer, and presence be seen, before models and Celery are loaded.
    from loguru import logger
    from redis.exceptions import RedisError

    from config.libopus import LibopusMissing
    from config.providers import ProvidersError
    from tasks.workplace import workplace
    from workers.errors import EngineError
    from workers.registry import UnknownEngine

    place = workplace(stage)
    try:
        place.redis.ping()
    except RedisError as error:
        return _give_up(f"Redis does not answer ({error}). Start the stack with: make stack, or set REDIS_URL")
    try:
        engines = engines_of(stage)
        engine = engines.load()
    except (EngineError, UnknownEngine, ProvidersError, LibopusMissing) as error:
        return _give_up(str(error), MISCONFIGURED)

    from celery.signals import worker_ready, worker_shutting_down

    from tasks.app import app
    from tasks.forward import warm_up

    @worker_ready.connect(weak=False)
    def ready(**_: object) -> None:
        place.presence.become("ready", engine, engines.offer())
        logger.bind(stage=stage, model=engine, success=True).info("Ready")
        engines.watch_over()
        if stage == "synthesize":
            from tasks.by_heart import start_rehearsal

            start_rehearsal(place)

    @worker_shutting_down.connect(weak=False)
    def stopping(**_: object) -> None:
        place.presence.become("stopping")

    # It warns of pickle when root runs it; here only JSON is accepted.
    warnings.filterwarnings("ignore", module="celery.platforms")
    warm_up()
    try:
        app.worker_main(celery_arguments(stage, pools(settings)[stage], settings, concurrency))
    finally:
        place.presence.leave()
        engines.leave()
    return 0


def _give_up(sentence: str, code: int = 1) -> int:
    sys.stderr.write(sentence + "\n")
    return code


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tasks.worker", description="Run one worker process of one stage.")
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--concurrency", type=int, help="tasks at a time (default: what suits the stage)")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        return _give_up(str(error), MISCONFIGURED)
    from config.logs import configure_logs

    configure_logs(settings, options.stage)
    give_way(pools(settings)[options.stage].niceness)
    return work(options.stage, settings, options.concurrency)


if __name__ == "__main__":
    sys.exit(main())
