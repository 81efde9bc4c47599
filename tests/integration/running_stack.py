"""A stack in a home of its own, for tests: started for real, and searched for afterwards by what it left running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.stack import REPOSITORY
from deploy.valkey import free_port
from tasks.connections import connect
from tasks.presence import WorkerPresence

PATIENCE_SECONDS = 120
"""Only a broken stack takes this long."""


def wait_for[T](look: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Look again and again until there is something to see; fails the test after ``seconds``."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, f"waited {seconds} s in vain for {what}"
        time.sleep(0.05)
    return seen


@dataclass(frozen=True, slots=True)
class Home:
    """A PRIYA_HOME that only this test uses."""

    folder: Path
    flower_port: int

    @classmethod
    def make(cls, folder: Path) -> "Home":
        (folder / "run").mkdir(parents=True)
        real = Path(os.environ.get("PRIYA_HOME", Path.home() / ".local/share/priya"))
        (folder / "models").symlink_to(real / "models")
        return cls(folder, free_port(None))

    def environment(self, **more: str) -> dict[str, str]:
        ours = {"PRIYA_HOME": str(self.folder), "FLOWER_PORT": str(self.flower_port), **more}
        inherited = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DISCORD_TOKEN")}
        return inherited | ours

    def start(self, module: str, *options: object, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *map(str, options)],
            cwd=REPOSITORY,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def started(self, module: str, *options: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """``start``, and a test that fails does not wait for an end that nobody asked for."""
        with self.start(module, *options, **environment) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def redis_url(self) -> str:
        """Of the running stack."""
        return (self.folder / "run" / "redis.url").read_text().strip()

    def workers(self) -> list[WorkerPresence]:
        """That say that they are alive."""
        with connect(self.redis_url) as redis:
            values = [redis.get(key) for key in redis.scan_iter("worker:*")]
        return [WorkerPresence.from_json(value) for value in values if value is not None]

    def running(self) -> list[psutil.Process]:
        """Every process, near or orphaned, that was started with this home."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                # Valkey writes its title over its environment, but works in a folder of the home.
                in_home = Path(process.cwd()).is_relative_to(self.folder)
                if in_home or process.environ().get("PRIYA_HOME") == str(self.folder):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def running_as(self, text: str) -> psutil.Process | None:
        """The process whose command line is ``text`` from its second word on."""
        for process in self.running():
            try:
                if " ".join(process.cmdline()[1:]).startswith(text):
                    return process
            except psutil.Error:
                continue
        return None

    def is_up(self) -> bool:
        return (self.folder / "run" / "redis.url").exists()

    def assert_nothing_is_left(self, seconds: float = 10) -> None:
        wait_for(lambda: not self.running(), f"the end of {[p.name() for p in self.running()]}", seconds)

    def end_all(self) -> None:
        """Whatever a failed test left."""
        for process in self.running():
            if process.pid != os.getpid():
                with suppress(psutil.NoSuchProcess):  # it ended by itself just now
                    process.send_signal(signal.SIGKILL)
