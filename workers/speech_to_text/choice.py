"""``auto``: the Whisper that is quickest on this device, by measurement, remembered for the next start.

Each engine is measured in a process of its own: its libraries, threads and mishaps leave with it.
"""

import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile
from typing import Final, cast

from loguru import logger

from config.settings import Settings, load_settings
from workers.engines import Transcriber
from workers.errors import EngineError, EngineUnavailable
from workers.registry import loader
from workers.speech_to_text.loading import pulled_folder, spoken_sample

NAME: Final = "quickest"
ENGINES: Final[Mapping[str, tuple[str, ...]]] = {
    "faster-whisper": ("faster-whisper", "ctranslate2"),
    "openai-whisper": ("openai-whisper", "torch"),
}
"""The engines that run here, and the packages whose versions decide how quick they are."""

ROUNDS: Final = 5
PATIENCE_SECONDS: Final = 180.0
"""For importing, loading and measuring one engine on a slow disk and a busy machine."""
RIVAL_SECONDS: Final = 15.0
RIVAL_FACTOR: Final = 3.0
"""Once one engine is measured, another may take this long in all, and this many times as long: she waits for it."""
REPOSITORY: Final = Path(__file__).parents[2]

type Milliseconds = dict[str, float]
"""By engine: the median of transcribing the spoken sample."""


def load(settings: Settings) -> Transcriber:
    """Load the quickest engine. Raises EngineUnavailable when none is installed, pulled or working."""
    folder = pulled_folder(NAME, settings)
    installed = {name: found for name in ENGINES if (found := _versions(name))}
    if not installed:
        raise EngineUnavailable(NAME, f"none is installed of {', '.join(ENGINES)}")
    return cast("Transcriber", loader("transcribe", _quickest(settings, folder, installed))(settings))


def _quickest(settings: Settings, folder: Path, installed: Mapping[str, str]) -> str:
    if len(installed) == 1:
        return next(iter(installed))
    memory = settings.priya_home / "measured" / "transcribe.json"
    key = _key(folder, installed)
    everything = _remembered(memory)
    took = everything.get(key, {})
    if set(took) != set(installed):
        took = _measure_each(settings, installed)
        _remember(memory, {**everything, key: took})
    return min(took, key=lambda name: took[name])


def _versions(engine: str) -> str:
    """Of the engine's packages; empty when one is missing."""
    try:
        return " ".join(f"{package} {version(package)}" for package in ENGINES[engine])
    except PackageNotFoundError:
        return ""


def _key(folder: Path, installed: Mapping[str, str]) -> str:
    """All that a measurement depends on, readable. Weights of another size are another model."""
    weights = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    return " | ".join([device(), f"{folder.name} {weights}", *installed.values()])


def device() -> str:
    """The processor and the cores that this process may use, and the GPUs."""
    cores = len(os.sched_getaffinity(0))
    gpus = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = [_field(gpu, "Model") for gpu in gpus]
    return ", ".join([f"{_field(Path('/proc/cpuinfo'), 'model name') or platform.machine()} x{cores}", *names])


def _field(file: Path, name: str) -> str:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")


def _remembered(memory: Path) -> dict[str, Milliseconds]:
    """What was measured before; nothing of it when the file is missing or makes no sense."""
    try:
        found = json.loads(memory.read_text())
        return {str(key): {str(name): float(took[name]) for name in took} for key, took in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(memory: Path, everything: Mapping[str, Milliseconds]) -> None:
    """Replace the file at once or leave it. Not being able to only costs the next start a measurement."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=memory.parent, suffix=".part", delete=False) as part:
            json.dump(everything, part, indent=1)
        Path(part.name).replace(memory)
    except OSError as error:
        logger.warning("What was measured could not be remembered in {}: {}", memory, error)


def _measure_each(settings: Settings, names: Mapping[str, str]) -> Milliseconds:
    """Raises EngineUnavailable naming what went wrong with each when none could be measured."""
    took: Milliseconds = {}
    wrong: list[str] = []
    patience_seconds = PATIENCE_SECONDS
    for name in names:
        began = time.monotonic()
        try:
            took[name] = _measure_apart(settings, name, patience_seconds)
            patience_seconds = min(patience_seconds, RIVAL_SECONDS + RIVAL_FACTOR * (time.monotonic() - began))
            logger.info("{} takes {:.0f} ms for a short sentence here", name, took[name])
        except subprocess.TimeoutExpired:
            took[name] = math.inf
            wrong.append(f"{name}: no answer in {patience_seconds:.0f} s")
            logger.info("{} is so much slower that it was not waited for", name)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            wrong.append(f"{name}: {error}")
            logger.warning("{} could not be measured: {}", name, error)
    if all(math.isinf(each) for each in took.values()):
        raise EngineUnavailable(NAME, "; ".join(wrong))
    return took


def _measure_apart(settings: Settings, name: str, patience_seconds: float) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "workers.speech_to_text.choice", name],
        cwd=REPOSITORY,
        env={**os.environ, "PRIYA_HOME": str(settings.priya_home), "WHISPER_MODEL": settings.whisper_model},
        capture_output=True,
        text=True,
        timeout=patience_seconds,
        check=False,
    )
    if done.returncode:
        raise ValueError((done.stderr.strip() or f"ended with {done.returncode}").splitlines()[-1])
    return float(done.stdout)


def measure(transcriber: Transcriber) -> float:
    """Milliseconds for the spoken sample, the median of a few: noise from other work is not the engine's."""
    sample = spoken_sample()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        transcriber.transcribe(sample)
        took.append(1000 * (time.perf_counter() - began))
    return median(took)


def main(name: str) -> int:
    """Print how long the engine takes, for the process that chooses."""
    try:
        engine = cast("Transcriber", loader("transcribe", name)(load_settings()))
        sys.stdout.write(f"{measure(engine)}\n")
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
