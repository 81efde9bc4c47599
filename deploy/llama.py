"""The wheel of llama-cpp-python, which PyPI has only as source: built once a machine and kept in PRIYA_HOME/wheels.

uv keeps what it builds too, but builds again whenever the registry or mirror sends no caching headers with the source.
Standard library only.
"""

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SWITCHED_OFF: Final = tuple(
    f"-D{name}=OFF"
    for name in (
        "LLAVA_BUILD",
        "LLAMA_BUILD_APP",
        "LLAMA_BUILD_EXAMPLES",
        "LLAMA_BUILD_SERVER",
        "LLAMA_BUILD_TESTS",
        "LLAMA_BUILD_TOOLS",
        "LLAMA_OPENSSL",
    )
)
"""Parts of llama.cpp that we don't use: without them its build takes half as long."""

CORE_MINUTES: Final = 8
"""Minutes of one core that the build takes, for telling people what to expect."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """What is to be built, and where it is or will be. Takes effect only through who builds it."""

    requirement: str
    cmake_args: str
    folder: Path

    def is_built(self) -> bool:
        return any(self.folder.glob("llama_cpp_python-*.whl"))

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A folder to build into, which becomes the wheel's own when nothing went wrong."""
        draft = self.folder.with_name(f"{self.folder.name}.{os.getpid()}.new")
        draft.mkdir(parents=True)
        try:
            yield draft
            shutil.rmtree(self.folder, ignore_errors=True)
            draft.replace(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def wheel(environment: Mapping[str, str], repository: Path, cpuinfo: Path = Path("/proc/cpuinfo")) -> Wheel:
    """The wheel for the pinned version, these CMAKE_ARGS (theirs come after ours, so they win) and this processor."""
    pin = re.search(r"^llama-cpp-python==\S+", (repository / "requirements.txt").read_text(), re.MULTILINE)
    assert pin is not None, "requirements.txt has lost its pin of llama-cpp-python"
    cmake_args = " ".join((*SWITCHED_OFF, environment.get("CMAKE_ARGS", ""))).strip()
    # llama.cpp is compiled for the very processor that compiles it, and a home may be shared between machines.
    identity = "\n".join((pin[0], cmake_args, platform.system(), platform.machine(), _processor(cpuinfo)))
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return Wheel(pin[0], cmake_args, home(environment, repository) / "wheels" / key)


def home(environment: Mapping[str, str], repository: Path) -> Path:
    """PRIYA_HOME, as config/settings.py reads it, which can't be imported before set-up."""
    value = environment.get("PRIYA_HOME")
    if not value and (repository / ".env").exists():
        line = re.search(r"^\s*PRIYA_HOME\s*=\s*(.+?)\s*$", (repository / ".env").read_text(), re.MULTILINE)
        value = line[1].strip("'\"") if line else None
    return Path(value or "~/.local/share/priya").expanduser().absolute()


def _processor(cpuinfo: Path) -> str:
    """What the processor can do, where the system tells."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
