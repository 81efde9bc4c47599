"""Real processes for tests: a Valkey, and workers of any stage. Each ends only what it started."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import redis

from deploy.valkey import LOOPBACK, arguments, server_binary
from tasks import keys
from tasks.connections import connect
from tasks.messages import StageName
from tasks.presence import WorkerPresence

HOUSE: Final = Path(__file__).parents[1]
LOOK_EVERY_SECONDS: Final = 0.02


def wait_until[Found](look: Callable[[], Found | None], what: str, seconds: float = 30.0) -> Found:
    """The first true answer of ``look``. Fails with ``what`` when there is none in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(LOOK_EVERY_SECONDS)
    raise AssertionError(f"waited {seconds} s for {what}")


def unused_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


class RunningProcess:
    """A child process whose output goes to a file. Use as a context manager."""

    def __init__(self, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes]

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=HOUSE, env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        try:
            self.wait_until_ready()
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.output()[-3000:]}") from None
        return self

    def wait_until_ready(self) -> None:
        """Returns once it does what it is there for. Raises AssertionError when it doesn't."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def kill(self) -> None:
        """As the kernel's out-of-memory killer does it."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 15.0) -> int:
        """Ask it to end; insist after a while. Returns its exit code."""
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
            if self.process.poll() is None:
                self.kill()
        return self.process.returncode

    def output(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")


class RunningValkey(RunningProcess):
    """A Valkey of its own on loopback, on the same port again after a restart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        binary = server_binary()
        assert binary is not None, "make setup installs one"
        self.port = unused_port()
        self.url = f"redis://{LOOPBACK}:{self.port}/0"
        super().__init__([binary, *arguments(self.port, folder)], folder / "valkey.log")

    def wait_until_ready(self) -> None:
        with connect(self.url) as connection:
            wait_until(lambda: self._answers(connection), "Valkey to answer")

    @staticmethod
    def _answers(connection: redis.Redis) -> bool:
        with suppress(redis.ConnectionError, redis.BusyLoadingError):
            return bool(connection.ping())
        return False


class RunningWorker(RunningProcess):
    """One worker process, ready for work once it is started."""

    def __init__(self, stage: StageName, url: str, folder: Path, environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.stage = stage
        self._url = url
        command = [sys.executable, "-m", "tasks.worker", stage]
        log = folder / f"{stage}.log"
        super().__init__(command, log, {"REDIS_URL": url, "PRIYA_HOME": str(folder), "LOG_FILE": "", **environment})

    def wait_until_ready(self) -> None:
        with connect(self._url) as connection:
            wait_until(lambda: self._ready(connection), f"a {self.stage} worker to be ready", 90)

    def _ready(self, connection: redis.Redis) -> WorkerPresence | None:
        assert self.process.poll() is None, f"the {self.stage} worker ended with {self.process.returncode}"
        for key in connection.scan_iter(keys.presence(self.stage, f"*-{self.process.pid}")):
            value = connection.get(key)
            if value is not None:
                presence = WorkerPresence.from_json(value)
                return presence if presence.state == "ready" else None
        return None
