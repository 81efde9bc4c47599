"""What the tests of pulling models share: a small catalogue, a quiet report, wheels made on the spot."""

import hashlib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from config.catalogue import Catalogue, Model, ModelFile, WheelMember
from workers.models.official import OfficialSource, Patience
from workers.models.pull import Puller
from workers.models.sources import Source

HASTY = Patience(first_answer=60, connect=60, read=60, fruitless_attempts=3, first_wait=0.001, longest_wait=0.002)


@dataclass
class Notes:
    """Keeps what was reported."""

    said: list[str] = field(default_factory=list)
    reached_bytes: list[int] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def begin(self, label: str, total: int | None) -> None:
        pass

    def reached(self, done: int) -> None:
        self.reached_bytes.append(done)

    def end(self) -> None:
        pass


def content(size: int, seed: str = "priya") -> bytes:
    """Bytes that differ everywhere, always the same for the same seed."""
    return hashlib.shake_256(seed.encode()).digest(size)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def file_row(name: str, body: bytes, *, url: str | None = None, mirror: tuple[WheelMember, ...] = ()) -> ModelFile:
    return ModelFile(name=name, size=len(body), sha256=sha256(body), official=url, mirror=mirror)


def model_row(*files: ModelFile, name: str = "tiny-model") -> Model:
    return Model(
        name=name, kind="voice", engines=("piper",), licence="MIT", languages=("en",), tier="starter", file=files
    )


def puller(folder: Path, source: Source = "auto", notes: Notes | None = None) -> Puller:
    notes = notes or Notes()
    return Puller(folder, notes, source, OfficialSource(notes, HASTY))


def wheel(folder: Path, package: str, members: dict[str, bytes]) -> None:
    """A wheel as pip wants it, version 1.0, with these files inside."""
    stem = package.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{stem}-1.0-py3-none-any.whl", "w") as archive:
        for path, body in members.items():
            archive.writestr(path, body)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def member(package: str, path: str) -> WheelMember:
    return WheelMember(package=package, version="1.0", member=path)


def catalogue_of(*models: Model) -> Catalogue:
    return Catalogue(models)
