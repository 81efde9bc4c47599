"""Models from their official addresses, over HTTP: resumed where they broke off, retried, never trusted."""

import queue
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import httpx2 as httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential_jitter

from config.catalogue import ModelFile
from workers.models.progress import Report
from workers.models.sources import SourceFailed

BUSY_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a host is waited for, in seconds, and how often it is asked again."""

    first_answer: float = 3.0
    """A host that says nothing for so long on first contact is left alone for the rest of the run."""
    connect: float = 10.0
    read: float = 30.0
    fruitless_attempts: int = 5
    """Tries in a row that bring not one byte."""
    first_wait: float = 0.5
    longest_wait: float = 15.0


class _TryAgain(Exception):
    """The network's fault, not the file's."""


@dataclass(slots=True)
class OfficialSource:
    """One run's view of the official hosts. Used from one thread."""

    report: Report
    patience: Patience = field(default_factory=Patience)
    _answering: dict[str, bool] = field(default_factory=dict)

    def answers(self, url: str) -> bool:
        """Whether the host of ``url`` says anything at all, asked once per run.

        In a thread of its own, because looking up a name can't be given a timeout."""
        host = urlsplit(url).netloc
        if host not in self._answering:
            heard: queue.Queue[bool] = queue.Queue()
            threading.Thread(target=self._knock, args=(url, heard), daemon=True).start()
            try:
                self._answering[host] = heard.get(timeout=self.patience.first_answer)
            except queue.Empty:
                self._answering[host] = False
            if not self._answering[host]:
                self.report.say(f"{host} does not answer: taking mirrors where there are any")
        return self._answering[host]

    def _knock(self, url: str, heard: queue.Queue[bool]) -> None:
        try:
            httpx.head(url, timeout=self.patience.first_answer)
        except (httpx.HTTPError, OSError):
            heard.put(False)
        else:
            heard.put(True)

    def fetch(self, file: ModelFile, part: Path) -> str | None:
        """Bring ``part`` to the whole file. Returns the sha256 that the host itself gives for it, if any.

        Raises SourceFailed; the bytes that came stay in ``part`` for the next try. Raises OSError."""
        assert file.official is not None
        download = _Download(file, file.official, part, self.report)
        timeout = httpx.Timeout(self.patience.read, connect=self.patience.connect)
        retrying = Retrying(
            retry=retry_if_exception_type((_TryAgain, httpx.TransportError)),
            stop=_UntilFruitless(part, self.patience.fruitless_attempts),
            wait=wait_exponential_jitter(
                multiplier=self.patience.first_wait, max=self.patience.longest_wait, jitter=self.patience.first_wait
            ),
            reraise=True,
        )
        with httpx.Client(timeout=timeout, follow_redirects=True) as client:
            try:
                return retrying(download.attempt, client)
            except (_TryAgain, httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceFailed(f"{file.official}: {error or type(error).__name__}") from error
            finally:
                self.report.end()


class _UntilFruitless:
    """Stops after so many tries in a row that did not make the part longer."""

    def __init__(self, part: Path, attempts: int) -> None:
        self._part = part
        self._attempts = attempts
        self._longest = -1
        self._fruitless = 0

    def __call__(self, _: RetryCallState) -> bool:
        length = _length(self._part)
        self._fruitless = 0 if length > self._longest else self._fruitless + 1
        self._longest = max(length, self._longest)
        return self._fruitless >= self._attempts


@dataclass(slots=True)
class _Download:
    file: ModelFile
    url: str
    part: Path
    report: Report

    def attempt(self, client: httpx.Client) -> str | None:
        """One request, from where the last one broke off."""
        have = self._usable_bytes()
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if etag := self._etag():
                headers["If-Range"] = etag
        with client.stream("GET", self.url, headers=headers) as response:
            self._check_status(response, have)
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                have = 0
                self._remember_etag(response)
            self._check_length(response, have)
            with self.part.open("ab" if have else "wb") as out:
                self._write(response, out, have)
            return _hub_sha256(response)

    def _usable_bytes(self) -> int:
        """Bytes to go on from. Without a hash to judge the whole by, only an ETag makes a part usable."""
        have = _length(self.part)
        if have and self.file.sha256 is None and self._etag() is None:
            have = 0
        if self.file.size is not None and have >= self.file.size:
            have = 0  # whole, and yet not accepted: begin again
        return max(have, 0)

    def _check_status(self, response: httpx.Response, have: int) -> None:
        status = response.status_code
        if status == httpx.codes.PARTIAL_CONTENT and have:
            start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            if start is None or int(start[1]) != have:
                self.part.unlink()
                raise _TryAgain("the host went on from another place than asked")
        elif status == httpx.codes.RANGE_NOT_SATISFIABLE:
            self.part.unlink(missing_ok=True)
            raise _TryAgain("the host has fewer bytes than we got before")
        elif status in BUSY_STATUSES:
            raise _TryAgain(f"answered {status}")
        elif status != httpx.codes.OK:
            raise SourceFailed(f"{self.url}: answered {status}")

    def _check_length(self, response: httpx.Response, have: int) -> None:
        length = response.headers.get("Content-Length", "")
        if self.file.size is not None and length.isdigit() and have + int(length) != self.file.size:
            self.part.unlink(missing_ok=True)
            raise SourceFailed(f"{self.url}: has {have + int(length)} bytes, expected {self.file.size}")

    def _write(self, response: httpx.Response, out: BinaryIO, have: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else self.file.size
        self.report.begin(self.file.name, total)
        for chunk in response.iter_raw():  # a chunk size would hold bytes back and lose them when the line is cut
            out.write(chunk)
            have += len(chunk)
            self.report.reached(have)
            if self.file.size is not None and have > self.file.size:
                raise SourceFailed(f"{self.url}: goes on past {self.file.size} bytes")
        if total is not None and have != total:
            raise _TryAgain(f"broke off at {have} of {total} bytes")

    @property
    def _etag_file(self) -> Path:
        return self.part.with_name(f"{self.file.name}.etag")

    def _etag(self) -> str | None:
        try:
            return self._etag_file.read_text("ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def _remember_etag(self, response: httpx.Response) -> None:
        etag = response.headers.get("ETag", "")
        if etag.startswith('"') and etag.isascii():  # a weak one (W/) may not be used with If-Range
            self._etag_file.write_text(etag)
        else:
            self._etag_file.unlink(missing_ok=True)


def _hub_sha256(response: httpx.Response) -> str | None:
    """Hugging Face names the hash of a large file in X-Linked-Etag, on the answer that redirects to it."""
    for answer in (*response.history, response):
        digest = answer.headers.get("X-Linked-Etag", "").strip('"')
        if re.fullmatch(r"[0-9a-f]{64}", digest):
            return str(digest)
    return None


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
