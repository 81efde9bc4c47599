"""What every source of a model's files shares: how it fails, and how a download ends on disk."""

import errno
import os
import shutil
from pathlib import Path
from typing import Final, Literal

from workers.models.progress import megabytes

Source = Literal["auto", "official", "mirror"]

CHUNK_BYTES: Final = 1 << 20
SPARE_BYTES: Final = 64_000_000
"""Left free on the disk, so that logs and Redis go on working beside a full models folder."""


class PullFailed(Exception):
    """A model could not be pulled. The message says which, why and what to do."""


class SourceFailed(Exception):
    """One source could not give a file; another may."""


class DiskFull(PullFailed):
    """No room. No source can help."""


def require_space(folder: Path, needed: int) -> None:
    """Raises DiskFull when ``needed`` bytes more would not fit beside ``folder``."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise DiskFull(
            f"the disk of {folder} has {megabytes(free)} free and {megabytes(needed + SPARE_BYTES)} are needed: "
            "free some space or set PRIYA_HOME to another disk"
        )


def is_disk_full(error: OSError) -> bool:
    """Whether writing failed for want of room: a full disk, a quota or a limit on file sizes."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def settle(part: Path, target: Path) -> None:
    """Make a finished download the file, at once and for good: on disk first, then under its name."""
    with part.open("rb") as content:
        os.fsync(content.fileno())
    part.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
