"""What a machine must have before anything is installed on it. Standard library only; each lack is one sentence."""

import importlib.util
import os
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CPU_TORCH_INDEX: Final = "https://download.pytorch.org/whl/cpu/torch/"
CPU_TORCH_PATIENCE_SECONDS: Final = 3.0

GIGABYTE: Final = 10**9
CUDA_GIGABYTES: Final = 9.0
"""PyPI's torch with its CUDA libraries: 6 GB unpacked, and the largest wheels while they are unpacked."""
CPU_GIGABYTES: Final = 4.0
UPDATE_GIGABYTES: Final = 1.0
"""When torch is there already."""

COMPILERS: Final = ("c++", "g++", "clang++")


class NotReady(Exception):
    """The machine lacks something. The message is one sentence with its mend."""


def check_venv_module() -> None:
    """Debian ships Python without the parts that make virtual environments. Raises NotReady."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise NotReady("This Python can't make virtual environments; on Debian: apt install python3-venv")


def check_compiler(environment: Mapping[str, str] = os.environ) -> None:
    """llama-cpp-python comes as source. Raises NotReady."""
    path = environment.get("PATH")
    chosen = environment.get("CXX", "").split()
    if not any(shutil.which(name, path=path) for name in (chosen[:1] or COMPILERS)):
        raise NotReady(
            "llama-cpp-python is built from source and there is no C++ compiler; on Debian: apt install build-essential"
        )


def check_disk(folder: Path, needed_gigabytes: float) -> None:
    """Raises NotReady when the file system of ``folder`` has less than that free."""
    free = shutil.disk_usage(folder).free / GIGABYTE
    if free < needed_gigabytes:
        raise NotReady(
            f"Set-up needs {needed_gigabytes:g} GB and {folder} has {free:.1f} GB free; "
            "free some, or put the clone on another disk"
        )


def has_nvidia_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()


def cpu_torch_answers(url: str = CPU_TORCH_INDEX, patience_seconds: float = CPU_TORCH_PATIENCE_SECONDS) -> bool:
    """Whether PyTorch's index of CPU builds answers in time.

    In a thread of its own, because looking up a name can't be given a time limit."""
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - the scheme is ours
        try:
            with urllib.request.urlopen(request, timeout=patience_seconds):  # noqa: S310
                answered.set()
        except (OSError, urllib.error.URLError):
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience_seconds)
    return answered.is_set()
