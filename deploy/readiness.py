"""``python -m deploy.readiness``: wait until every stage has a worker that is ready, and show how far they are.

Workers say so themselves, in keys ``worker:STAGE:WORKER`` that live two seconds.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, TextIO

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from config.settings import Settings, SettingsError, load_settings

STAGES: Final = ("transcribe", "generate", "synthesize", "upkeep")
LOOK_SECONDS: Final = 0.2

type States = Mapping[str, str]
"""Of each stage: ``starting``, ``loading``, or ``ready`` with the engine's name."""


def states(workers: Mapping[str, str]) -> States:
    """What the keys and values of all workers say of each stage: the best of its workers counts."""
    found: dict[str, str] = dict.fromkeys(STAGES, "starting")
    for key, value in workers.items():
        stage = key.split(":")[1]
        if stage not in found or found[stage].startswith("ready"):
            continue
        worker = json.loads(value)
        engine = worker["engine"].replace("none", "")  # upkeep has none
        found[stage] = f"ready {f'({engine})' if engine else ''}".strip() if worker["state"] == "ready" else "loading"
    return found


def all_ready(found: States) -> bool:
    return all(state.startswith("ready") for state in found.values())


def address(settings: Settings) -> str | None:
    """Of this home's Redis, or None when no stack of this home is up.

    Not ``broker_url``, whose guess of the usual port may be the stack of another home."""
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    try:
        return (settings.run_folder / "redis.url").read_text().strip() or None
    except OSError:
        return None


def ask(settings: Settings) -> States:
    """Look once. With no Redis yet, every stage is starting."""
    url = address(settings)
    if url is None:
        return states({})
    redis = Redis.from_url(url, decode_responses=True, socket_timeout=1, retry=Retry(NoBackoff(), 0))
    try:
        keys = list(redis.scan_iter("worker:*", count=500))
        values = redis.mget(keys) if keys else []
        return states({str(key): str(value) for key, value in zip(keys, values, strict=True) if value is not None})
    except RedisError:
        return states({})
    finally:
        redis.close()


class Board:
    """Shows the states: rewritten in place on a terminal, one line a change elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = ""
        self._began_at = time.monotonic()

    def show(self, found: States) -> None:
        line = "  ".join(f"{stage}: {state}" for stage, state in found.items())
        if self._stream.isatty():
            # A line that wraps can't be rewritten in place.
            wide = f"{time.monotonic() - self._began_at:3.0f} s  {line}"
            self._stream.write(f"\r\x1b[K{wide[: shutil.get_terminal_size().columns - 1]}")
        elif line != self._shown:
            self._stream.write(line + "\n")
        self._shown = line
        self._stream.flush()

    def close(self) -> None:
        if self._stream.isatty():
            self._stream.write("\n")


def wait(settings: Settings, *, goes_on: Callable[[], bool], stream: TextIO = sys.stderr) -> bool:
    """Until all is ready (True) or there is no point in waiting (False)."""
    board = Board(stream)
    try:
        while goes_on():
            found = ask(settings)
            board.show(found)
            if all_ready(found):
                return True
            time.sleep(LOOK_SECONDS)
    finally:
        board.close()
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.readiness", description="Wait until the stack is ready.")
    parser.add_argument("--timeout", type=float, default=300, help="seconds to wait (default: 300)")
    until = time.monotonic() + parser.parse_args().timeout
    try:
        if wait(load_settings(), goes_on=lambda: time.monotonic() < until):
            return 0
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("The stack is not ready; start it with: make stack", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
