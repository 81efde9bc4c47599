"""``python -m deploy.stack``: everything Priya needs on this machine, until SIGTERM or Ctrl-C.

One stack a home: it pulls the starter models, starts an embedded Valkey unless ``REDIS_URL`` is set, and runs the
Procfile. It never restarts anything itself: the Procfile's lines do, through deploy.keep.
"""

import argparse
import fcntl
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from honcho.environ import parse_procfile
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from config.settings import Settings, SettingsError, load_settings
from deploy import valkey
from deploy.household import VALKEY, Household
from deploy.journal import Journal
from deploy.lifeline import tie_to_parent, tied

REPOSITORY: Final = Path(__file__).resolve().parent.parent
FLOWER_PORT: Final = 5555


class StackRefused(Exception):
    """The stack can't start. The message is one sentence with its mend."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be started."""

    commands: dict[str, str]
    environment: dict[str, str]
    redis_url: str
    embedded: bool


def flower_port() -> int:
    text = os.environ.get("FLOWER_PORT") or dotenv_values(".env").get("FLOWER_PORT") or str(FLOWER_PORT)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StackRefused(f"FLOWER_PORT: {text!r} is no port; give a number from 1 to 65535 (see .env.example)")
    return int(text)


def plan(settings: Settings, procfile: Path, port: int | None) -> Plan:
    """Choose ports and processes. Raises StackRefused."""
    try:
        commands = dict(parse_procfile(procfile.read_text()).processes)
    except OSError as error:
        raise StackRefused(f"The Procfile can't be read: {error}") from None
    environment = {**os.environ, "PRIYA_HOME": str(settings.priya_home), "PYTHONUNBUFFERED": "1"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    if "flower" in commands:
        monitor = flower_port()
        if not valkey.port_is_free(monitor):
            raise StackRefused(
                f"Port {monitor} is taken, and Flower needs it; set another in .env, "
                f"or: FLOWER_PORT={monitor + 1} make run"
            )
        environment["FLOWER_PORT"] = str(monitor)
    if settings.discord_token is None:
        commands.pop("bot", None)
    if settings.redis_url is not None:
        commands.pop(VALKEY, None)
        return Plan(commands, environment, settings.broker_url, embedded=False)
    if port is not None and not valkey.port_is_free(port):
        raise StackRefused(f"Port {port} is taken; give Valkey another with --port, or none to let it find one")
    chosen = port or valkey.free_port()
    environment[valkey.PORT_VARIABLE] = str(chosen)
    url = f"redis://{valkey.LOOPBACK}:{chosen}/0"
    return Plan(commands, {**environment, "REDIS_URL": url}, url, embedded=True)


def pull_models() -> None:
    """Starter models, if any is missing. Raises StackRefused when that fails; the puller has said why."""
    command = [sys.executable, "-m", "workers.models", "pull", "starter"]
    ended = subprocess.run(command, check=False, cwd=REPOSITORY, preexec_fn=tied(signal.SIGTERM))
    if ended.returncode != 0:
        raise StackRefused("The starter models are not all there (see above); run it again once that is mended.")


def answers(redis_url: str, patience_seconds: float = 0.5) -> bool:
    """Whether Redis answers there. False while it still loads its data."""
    redis = Redis.from_url(
        redis_url,
        socket_timeout=patience_seconds,
        socket_connect_timeout=patience_seconds,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        return bool(redis.ping())
    except RedisError:
        return False
    finally:
        redis.close()


@contextmanager
def only_stack_of(home: Path) -> Iterator[None]:
    """Raises StackRefused when another stack runs from ``home``. The kernel lets go of the lock whatever happens."""
    run_folder = home / "run"
    run_folder.mkdir(parents=True, exist_ok=True)
    with (run_folder / "stack.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip()
            raise StackRefused(
                f"A stack already runs from {home} (process {pid}); talk to it with: .venv/bin/python -m bot.local, "
                f"stop it with: kill {pid}, or set PRIYA_HOME to start another"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def write_address(home: Path, url: str) -> None:
    """``run/redis.url`` for everyone who looks for the running stack, written at once and whole."""
    file = home / "run" / "redis.url"
    draft = file.with_suffix(".new")
    draft.write_text(url + "\n")
    draft.replace(file)


def run(settings: Settings, chosen: Plan, journal: Journal) -> None:
    """Run it until told to stop. Raises StackRefused when a process is beyond help."""
    home = settings.priya_home
    if not chosen.embedded and not answers(chosen.redis_url, patience_seconds=5):
        raise StackRefused(
            "Redis at REDIS_URL does not answer; start it, mend REDIS_URL, or unset it to have one embedded"
        )
    (home / "run" / "redis.url").unlink(missing_ok=True)  # of a stack that was killed
    household = Household(journal, os.getpid())
    for name, command in chosen.commands.items():
        household.add(name, command, chosen.environment, REPOSITORY)
    try:
        ended = household.run(lambda: _is_up(home, chosen))
    finally:
        if chosen.embedded:
            (home / "run" / "redis.url").unlink(missing_ok=True)
        journal.close()
    if ended is not None:
        raise StackRefused(
            f"{ended} can't be kept running, so everything was stopped. Its last words: "
            f"{journal.last_words(ended)} (all of them: {journal.where(ended)})"
        )


def _is_up(home: Path, chosen: Plan) -> bool:
    if not answers(chosen.redis_url):
        return False
    write_address(home, chosen.redis_url)
    return True


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.stack", description="Run the whole stack in the foreground."
    )
    parser.add_argument("--procfile", type=Path, default=REPOSITORY / "Procfile")
    parser.add_argument("--port", type=int, help=f"of the embedded Valkey (default: {valkey.PREFERRED_PORT} if free)")
    parser.add_argument(
        "--logs", action="store_true", help="each process to a file in PRIYA_HOME/logs, not to the terminal"
    )
    parser.add_argument("--skip-models", action="store_true", help="do not look for the starter models")
    parser.add_argument("--end-with-parent", action="store_true", help="stop when the program that started this ends")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.end_with_parent:
        tie_to_parent(signal.SIGTERM, os.getppid())
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork")  # a relay's parent must be this very process
    try:
        settings = load_settings()
        with only_stack_of(settings.priya_home):
            if not options.skip_models:
                pull_models()
            journal = Journal(settings.priya_home / "logs" if options.logs else None)
            run(settings, plan(settings, options.procfile, options.port), journal)
    except (StackRefused, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The stack can't go on: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
