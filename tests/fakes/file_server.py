"""A file host on loopback that can be told to misbehave as hosts in the world do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One path and how it answers. Faults are used up one a GET; then it answers well."""

    body: bytes
    etag: str | None = '"v1"'
    ranges: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    """Each: hang up after so many bytes of an answer."""
    statuses: list[int] = field(default_factory=list)
    """Each: answer with this status and nothing else."""
    redirect: str | None = None
    """Answer with the way to this path, as hubs do to their storage."""
    hold_after: int | None = None
    """Send so many bytes, then wait for ``release``."""
    release: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    """Set when an answer began to wait."""


class FileServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        """Method, path and Range of each request, in order."""

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news here."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def ranges(self, path: str) -> list[str | None]:
        return [wanted for method, asked, wanted in self.asked if method == "GET" and asked == f"/{path}"]


class _Handler(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        pass

    def do_HEAD(self) -> None:
        self.server.asked.append(("HEAD", self.path, None))
        self._head(200, {"Content-Length": "0"})

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(("GET", self.path, wanted))
        served = self.server.files.get(self.path.removeprefix("/"))
        if served is None or served.statuses:
            self._head(served.statuses.pop(0) if served else 404, {"Content-Length": "0"})
            return
        if served.redirect is not None:
            there = self.server.url(served.redirect)
            self._head(302, {"Location": there, "Content-Length": "0", **served.headers})
            return
        start = self._start(served, wanted)
        body = served.body[start:]
        headers = {"Content-Length": str(len(body)), **served.headers}
        if served.etag:
            headers["ETag"] = served.etag
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(served.body) - 1}/{len(served.body)}"
        self._head(206 if start else 200, headers)
        if served.cut_after:
            self.wfile.write(body[: served.cut_after.pop(0)])
            self.close_connection = True
        elif served.hold_after is not None and not served.release.is_set():
            self.wfile.write(body[: served.hold_after])
            self.wfile.flush()
            served.held.set()
            served.release.wait(30)
            self.close_connection = True
        else:
            self.wfile.write(body)

    def _start(self, served: Served, wanted: str | None) -> int:
        if wanted is None or not served.ranges or self.headers.get("If-Range", served.etag) != served.etag:
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def file_server() -> Iterator[FileServer]:
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            for served in server.files.values():
                served.release.set()
            server.shutdown()
            thread.join()
