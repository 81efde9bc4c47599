"""What is said when the machine lacks something."""

import http.server
import socket
import threading
from pathlib import Path

import pytest

from deploy.preflight import NotReady, check_compiler, check_disk, cpu_torch_answers


def test_missing_compiler_is_named_with_its_mend(tmp_path: Path):
    with pytest.raises(NotReady, match=r"no C\+\+ compiler.*apt install build-essential"):
        check_compiler({"PATH": str(tmp_path)})


def test_compiler_that_the_user_chose_must_exist(tmp_path: Path):
    with pytest.raises(NotReady):
        check_compiler({"PATH": "/usr/bin:/bin", "CXX": "no-such-compiler -O2"})


@pytest.mark.parametrize("name", ["c++", "g++", "clang++"])
def test_any_usual_compiler_will_do(tmp_path: Path, name: str):
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o755)

    check_compiler({"PATH": str(tmp_path)})


def test_full_disk_is_told_with_what_is_needed_and_what_there_is(tmp_path: Path):
    with pytest.raises(NotReady, match=r"needs 1e\+09 GB .* has [\d.]+ GB free"):
        check_disk(tmp_path, 1e9)


def test_enough_disk_passes(tmp_path: Path):
    check_disk(tmp_path, 0)


class Index(http.server.BaseHTTPRequestHandler):
    """Says yes to everything."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody wants to read it."""


def test_index_that_answers_is_used():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        answered = cpu_torch_answers(f"http://127.0.0.1:{server.server_port}/", patience_seconds=20)
        server.shutdown()
        thread.join()

    assert answered


def test_index_that_refuses_is_not_used():
    assert not cpu_torch_answers("http://127.0.0.1:1/", patience_seconds=20)


def test_index_that_hangs_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not cpu_torch_answers(f"http://127.0.0.1:{silent.getsockname()[1]}/", patience_seconds=0.1)
