"""``make setup``: the virtual environment and everything in it. Standard library only, for it runs before all else.

The wishes are in requirements/*.in, the pins in requirements.txt; uv installs the wishes at the pinned versions
(docs/decisions/004-set-up.md). Nothing is done when nothing changed since the last time.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy import llama, preflight
from deploy.progress import run_quietly, tail

REPOSITORY: Final = Path(__file__).resolve().parent.parent
VENV: Final = REPOSITORY / ".venv"
PYTHON: Final = VENV / "bin" / "python"
STAMP: Final = VENV / ".priya-setup"
LOG: Final = REPOSITORY / ".setup" / "setup.log"

PIP_TO_UV: Final = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
"""What of pip's configuration uv, which doesn't read it, must be told."""


class SetupFailed(Exception):
    """Something could not be installed. The message says what, and where to read why."""


def fingerprint(repository: Path = REPOSITORY) -> str:
    """Changes whenever what is to be installed, or how, changes."""
    wishes = [
        repository / "requirements.txt",
        *sorted((repository / "requirements").glob("*")),
        *(repository / "deploy" / name for name in ("setup.py", "llama.py", "bytecode.py")),
    ]
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in wishes:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def is_done() -> bool:
    try:
        return STAMP.read_text() == fingerprint()
    except OSError:
        return False


def pip_settings() -> dict[str, str]:
    """The mirror and certificates that this machine's pip is told to use, as uv's variables."""
    # Not `config get`, which overlooks the file that PIP_CONFIG_FILE names.
    command = [str(PYTHON), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    values = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    found: dict[str, str] = {}
    for name, variable in PIP_TO_UV.items():
        for section in ("global", "install", ":env:"):  # the later wins, as in pip
            if value := values.get(f"{section}.{name}", "").strip("'\""):
                found[variable] = value
    return found


def has_package(name: str) -> bool:
    return any(VENV.glob(f"lib/python3*/site-packages/{name}"))


def make_venv(environment: Mapping[str, str]) -> None:
    """The virtual environment, with uv in it."""
    if not (VENV / "bin" / "pip").exists():
        preflight.check_venv_module()
        command = [sys.executable, "-m", "venv", str(VENV)]
        _install("Making the virtual environment in .venv", command, environment)
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "-r", "requirements/setup.txt"]
    _install("Installing uv", pip, environment)


def build_llama(environment: Mapping[str, str], wheel: llama.Wheel) -> None:
    """Build the wheel of llama-cpp-python, unless an earlier clone left it in PRIYA_HOME."""
    if wheel.is_built():
        return
    cores = os.cpu_count() or 1
    minutes = max(1, round(llama.CORE_MINUTES / cores))
    what = f"Building llama.cpp from source (about {minutes} min on {cores} idle cores, once on this machine)"
    with wheel.draft() as draft:
        command = [str(PYTHON), "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(draft)]
        # pip's own cache of wheels doesn't know of CMAKE_ARGS, so it serves only who sets none.
        uncached = ["--no-cache-dir"] if environment.get("CMAKE_ARGS") else []
        _install(what, [*command, *uncached, wheel.requirement], {**environment, "CMAKE_ARGS": wheel.cmake_args})


def install_packages(environment: Mapping[str, str], wheels: Path, *, cpu_torch: bool) -> None:
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "--find-links", str(wheels)]
    everything = [*uv, "--constraints", "requirements.txt", "--requirements", "requirements/all.in"]
    if cpu_torch:
        without_cuda = [*everything, "--torch-backend", "cpu", "--overrides", "requirements/no-triton.txt"]
        if _tries("Installing packages, with PyTorch for CPU (about 1 min)", without_cuda, environment):
            return
        print("PyTorch's own index could not serve it; taking PyPI's, which is larger.", file=sys.stderr)
    _install("Installing packages (6 GB with PyPI's PyTorch: a few minutes the first time)", everything, environment)


def _tries(what: str, command: Sequence[str], environment: Mapping[str, str]) -> bool:
    if sys.stderr.isatty() and "requirements/all.in" in command:
        # On a terminal uv draws its own bars, one for each download.
        print(what, file=sys.stderr)
        return subprocess.run(command, check=False, env=environment, cwd=REPOSITORY).returncode == 0
    return run_quietly(what, command, environment, LOG)


def _install(what: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    if not _tries(what, command, environment):
        reason = tail(LOG) if LOG.exists() else ""
        raise SetupFailed(f"{reason}\n{what}: this failed. The reason is above, all of it in {LOG}; then run it again.")


@contextmanager
def alone() -> Iterator[None]:
    """One set-up at a time in this clone; a second one waits, then finds everything done."""
    LOG.parent.mkdir(exist_ok=True)
    with (LOG.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up() -> None:
    """Raises NotReady or SetupFailed."""
    cpu_torch = sys.platform == "linux" and not preflight.has_nvidia_gpu() and preflight.cpu_torch_answers()
    if has_package("torch"):
        preflight.check_disk(REPOSITORY, preflight.UPDATE_GIGABYTES)
    else:
        preflight.check_disk(REPOSITORY, preflight.CPU_GIGABYTES if cpu_torch else preflight.CUDA_GIGABYTES)
    wheel = llama.wheel(os.environ, REPOSITORY)
    if not wheel.is_built():
        preflight.check_compiler()
    LOG.unlink(missing_ok=True)
    make_venv(os.environ)
    build_llama(os.environ, wheel)
    # What the user has set for uv itself wins over what pip is told.
    environment = {"UV_HTTP_TIMEOUT": "180", **pip_settings(), **os.environ}
    install_packages(environment, wheel.folder, cpu_torch=cpu_torch)
    _tries("Compiling what the processes import (about 10 s)", [str(PYTHON), "-m", "deploy.bytecode"], os.environ)
    STAMP.write_text(fingerprint())


def main() -> int:
    if is_done():
        return 0
    os.chdir(REPOSITORY)
    try:
        with alone():
            if not is_done():
                set_up()
    except (preflight.NotReady, SetupFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Set-up stopped: {error}. Mend that and run it again; it goes on where it was.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was interrupted; run it again and it goes on where it was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
