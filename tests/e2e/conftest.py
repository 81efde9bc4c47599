"""The whole stack, started as `make stack` starts it, with the starter models, in a home of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from config.settings import Settings
from deploy.valkey import free_port
from tests.integration.running_stack import Home, wait_for
from tests.running import HOUSE, RunningProcess
from workers.engines import Synthesizer
from workers.registry import loader

MOSTLY_SENSIBLE = "0.3"
"""The starter model's wilder thoughts are in no language, and nobody could understand them again."""
STAGES = {"transcribe", "generate", "synthesize", "upkeep"}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running stack's home."""
    running = Home.make(tmp_path_factory.mktemp("home"))
    # Not the port that others would choose, too: tests run beside each other.
    command = [sys.executable, "-m", "deploy.stack", "--port", str(free_port(None))]
    # Nothing is spoken ahead: it takes a minute of the cores, and tests/integration/test_rehearsal.py has it.
    environment = running.environment(TEMPERATURE=MOSTLY_SENSIBLE, CACHED_SPEECH_MB="0")
    with RunningProcess(command, running.folder / "stack.log", environment):
        wait_for(running.is_up, "the stack to come up")
        wait_for(lambda: ready_stages(running) == STAGES, "all stages to be ready")
        yield running
    running.assert_nothing_is_left()


def ready_stages(home: Home) -> set[str]:
    return {worker.stage for worker in home.workers() if worker.state == "ready"}


@dataclass(frozen=True, slots=True)
class Said:
    """What one call of ``python -m bot.local`` gave back."""

    code: int
    turns: list[dict[str, Any]]
    errors: str


type Local = Callable[..., Said]


@pytest.fixture
def local(home: Home) -> Local:
    """Run ``python -m bot.local`` with these arguments against the stack, as a person does."""

    def run(*arguments: object, seconds: float = 90, **environment: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "bot.local", *map(str, arguments)],
            cwd=HOUSE,
            env=home.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        turns = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return Said(done.returncode, turns, done.stderr)

    return run


type Speak = Callable[..., Path]


@pytest.fixture(scope="session")
def voice(models_folder: Path) -> Synthesizer:
    """Somebody who speaks to Priya."""
    settings = Settings(_env_file=None, priya_home=models_folder.parent)
    engine: Synthesizer = loader("synthesize", "hibari")(settings)  # type: ignore[assignment]
    return engine


@pytest.fixture
def speak(voice: Synthesizer, tmp_path: Path) -> Speak:
    """A wav of somebody saying the text."""

    def write(text: str, name: str = "said.wav") -> Path:
        speech = voice.synthesize(text, language="en")
        lead = np.zeros(speech.rate_hz // 4, np.float32)
        soundfile.write(tmp_path / name, np.concatenate([lead, speech.pcm]), speech.rate_hz)
        return tmp_path / name

    return write
