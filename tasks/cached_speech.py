"""Sound that is there before it is needed: what she must be able to say when no engine can speak, or nobody is there.

One small file a text under ``PRIYA_HOME``, read only when it is said, so that it costs no memory. Redis holds the same
for bots and workers on other machines. Made by tasks/rehearsal.py.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from loguru import logger
from redis import Redis

from config.settings import Settings
from tasks import keys
from tasks.blobs import BlobError, pack_packets, unpack_packets

KEPT_VOICES: Final = 2
"""That of now, and the one before: until all is spoken anew, an old voice is better than none."""
FETCHED_AT_ONCE: Final = 20
LARGEST_FILE: Final = 512 * 1024
"""Bytes: more than two minutes of her."""
LEFT_BEHIND_SECONDS: Final = 60.0
"""A half-written file that is older has lost its writer."""
_FIELD: Final = re.compile(r"([\w.+-]{1,80})/([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Recording:
    """One text, spoken piece by piece, as generate cuts it."""

    text: str
    pieces: tuple[tuple[str, tuple[bytes, ...]], ...]
    """Each piece's words, and its packets: 48 kHz Opus, 20 ms each."""

    @property
    def packets(self) -> tuple[bytes, ...]:
        return tuple(packet for _, packets in self.pieces for packet in packets)

    def to_bytes(self) -> bytes:
        """An empty packet, which Opus doesn't have, begins each piece; before all come the number of packets, so that
        one that was cut short is known, and the words."""
        words = [piece for piece, _ in self.pieces]
        head = json.dumps([len(self.packets), self.text, *words], ensure_ascii=False).encode()
        return pack_packets([head, *(part for _, packets in self.pieces for part in (b"", *packets))])

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Raises BlobError when it is cut short or none of ours."""
        head, *rest = unpack_packets(blob) or (b"",)
        spoken: list[list[bytes]] = []
        for packet in rest:
            if not packet:
                spoken.append([])
            elif spoken:
                spoken[-1].append(packet)
        try:
            count, text, *words = json.loads(head)
            recording = cls(text, tuple((piece, tuple(each)) for piece, each in zip(words, spoken, strict=True)))
        except (ValueError, TypeError) as error:
            raise BlobError(f"no recording: {error}") from error
        if len(recording.packets) != count:
            raise BlobError(f"{count} packets were recorded, {len(recording.packets)} are here")
        return recording


def whole(text: str) -> list[str]:
    """A text that is said in one piece."""
    return [text]


class CachedSpeech:
    """The recordings on this machine. Any thread, any number of processes.

    ``cut`` is how generate cuts a text for synthesis; who only says whole texts needs none."""

    def __init__(self, folder: Path, texts: Iterable[str], cut: Callable[[str], list[str]] = whole) -> None:
        self.folder: Final = folder
        self.texts: Final = tuple(dict.fromkeys(texts))
        self.cut: Final = cut
        self._files: Final = frozenset(map(_name, self.texts))
        self._texts_with: Final[Mapping[str, str]] = {
            run: text for text in reversed(self.texts) for run in _runs(cut(text))
        }

    def find(self, text: str, voice: str = "") -> tuple[bytes, ...] | None:
        """The packets of a known text, or of consecutive pieces of one; in ``voice`` if there, else in the newest.
        None when it was never spoken. Reads one file; never raises."""
        known = self._texts_with.get(text)
        for folder in self._voices(voice) if known is not None else ():
            recording = self._read(folder / _name(known or text))
            packets = None if recording is None else _packets_of(recording, text)
            if packets is not None:
                return packets
        return None

    def keep(self, voice: str, recording: Recording) -> None:
        """Whole or not at all, however the process ends. Raises OSError."""
        self.keep_bytes(voice, _name(recording.text), recording.to_bytes())

    def keep_bytes(self, voice: str, name: str, blob: bytes) -> None:
        """Raises OSError."""
        folder = self.folder / voice
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{name}.{os.getpid()}"
        draft.write_bytes(blob)
        draft.replace(folder / name)

    def names(self, voice: str) -> dict[str, int]:
        """What is there of a voice: names of files and their sizes. Raises OSError."""
        folder = self.folder / voice
        if not folder.is_dir():
            return {}
        return {file.name: file.stat().st_size for file in folder.iterdir() if file.name in self._files}

    def missing(self, voice: str) -> tuple[str, ...]:
        """The texts that this voice has not spoken, or not whole, in their order. Raises OSError."""
        there = self.names(voice)
        folder = self.folder / voice
        return tuple(
            text for text in self.texts if _name(text) not in there or self._read(folder / _name(text)) is None
        )

    def tidy(self, voice: str, now: float) -> None:
        """Remove what nobody says any more, what a killed process left, and voices but this one and the one before.
        ``now`` is epoch seconds. Raises OSError."""
        folders = [self.folder / voice, *(folder for folder in self._voices() if folder.name != voice)]
        for place, folder in enumerate(folders):
            for file in list(folder.iterdir()) if folder.is_dir() else ():
                is_draft = file.name.startswith(".")
                is_left = is_draft and now - file.stat().st_mtime > LEFT_BEHIND_SECONDS
                if place >= KEPT_VOICES or is_left or not (is_draft or file.name in self._files):
                    file.unlink(missing_ok=True)
            if place >= KEPT_VOICES:
                folder.rmdir()

    @property
    def newest_voice(self) -> str | None:
        """The one that spoke last."""
        return next((folder.name for folder in self._voices()), None)

    def is_known(self, name: str) -> bool:
        """Whether a file of that name holds a text that is still said."""
        return name in self._files

    def _voices(self, first: str = "") -> list[Path]:
        """Folders of voices: ``first``, then the newest."""
        try:
            folders = [folder for folder in self.folder.iterdir() if folder.is_dir()]
            return sorted(folders, key=lambda folder: (folder.name != first, -folder.stat().st_mtime))
        except OSError:
            return []

    def _read(self, file: Path) -> Recording | None:
        try:
            return Recording.from_bytes(file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, BlobError) as error:
            logger.bind(success=False).warning("A recording can't be used ({}): {}", file.name, error)
            return None


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _runs(pieces: list[str]) -> Iterator[str]:
    """A text is cut otherwise behind other words: whatever comes is a run of the pieces."""
    for start in range(len(pieces)):
        for end in range(start + 1, len(pieces) + 1):
            yield " ".join(pieces[start:end])


def _packets_of(recording: Recording, text: str) -> tuple[bytes, ...] | None:
    if text == recording.text:
        return recording.packets
    words = [piece for piece, _ in recording.pieces]
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            if " ".join(words[start:end]) == text:
                return tuple(packet for _, packets in recording.pieces[start:end] for packet in packets)
    return None


# Between machines. Synchronous: for worker threads, and for a bot in a thread of its own.


def fetch(redis: Redis, cached: CachedSpeech) -> int:
    """Bring here what others have spoken. Returns how many recordings came. Raises RedisError and OSError."""
    wanted: list[str] = []
    there: dict[str, dict[str, int]] = {}
    for field in _fields(redis):
        found = _FIELD.fullmatch(field)
        if found is None or not cached.is_known(found[2]):
            continue
        if found[1] not in there:
            there[found[1]] = cached.names(found[1])
        if found[2] not in there[found[1]]:
            wanted.append(found[0])
    came = 0
    for start in range(0, len(wanted), FETCHED_AT_ONCE):
        fields = wanted[start : start + FETCHED_AT_ONCE]
        for field, blob in zip(fields, redis.hmget(keys.CACHED_SPEECH, fields), strict=True):
            came += _take_in(cached, field, blob)
    return came


def _fields(redis: Redis) -> set[str]:
    return {field if isinstance(field, str) else field.decode() for field in redis.hkeys(keys.CACHED_SPEECH)}


def _take_in(cached: CachedSpeech, field: str, blob: bytes | str | None) -> bool:
    voice, _, name = field.partition("/")
    try:
        if not isinstance(blob, bytes) or len(blob) > LARGEST_FILE or _name(Recording.from_bytes(blob).text) != name:
            return False
    except BlobError:
        return False
    cached.keep_bytes(voice, name, blob)
    return True


def share(redis: Redis, cached: CachedSpeech, voice: str) -> None:
    """Let others have what is here of this voice, and forget there what nobody says any more.

    Raises RedisError and OSError."""
    stored = _fields(redis)
    ours = {f"{voice}/{name}": name for name in cached.names(voice)}
    others = {field.partition("/")[0] for field in stored} - {voice}
    stale = [
        field
        for field in stored
        if not cached.is_known(field.partition("/")[2]) or (len(others) >= KEPT_VOICES and field not in ours)
    ]
    if stale:
        redis.hdel(keys.CACHED_SPEECH, *stale)
    for field, name in ours.items():
        if field not in stored:
            redis.hset(keys.CACHED_SPEECH, field, (cached.folder / voice / name).read_bytes())
    redis.expire(keys.CACHED_SPEECH, keys.CACHED_SPEECH_SECONDS)


def cached_speech_folder(settings: Settings) -> Path:
    return settings.priya_home / "cached-speech"
