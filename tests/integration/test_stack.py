"""The stack is started for real, and must leave nothing behind however it ends."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config.settings import Settings
from deploy import readiness
from deploy.stack import REPOSITORY
from tests.integration.running_stack import Home, wait_for

LIGHT_PROCFILE = """\
valkey: python -m deploy.keep valkey python -m deploy.valkey
sleeper: python -m deploy.keep sleeper sleep 987
parent: python -m deploy.keep parent sh -c 'sleep 988 & sleep 989; true'
stubborn: python -m deploy.keep stubborn sh -c 'trap "" TERM; while true; do sleep 990; done'
"""
"""Programs that load nothing: the supervision is under test, not the workers."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home.make(tmp_path / "home")
    yield made
    made.end_all()


@pytest.fixture
def procfile(tmp_path: Path) -> Path:
    file = tmp_path / "Procfile"
    file.write_text(LIGHT_PROCFILE)
    return file


@pytest.fixture
def stack(home: Home, procfile: Path) -> Iterator[subprocess.Popen[str]]:
    """The light stack, up, with all its programs running."""
    with home.started("deploy.stack", "--procfile", procfile, "--logs", "--skip-models") as started:
        wait_for(lambda: started.poll() is not None or home.is_up(), "Valkey")
        wait_for(lambda: all(map(home.running_as, ("987", "988", "989", "990"))), "everyone")
        yield started


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stack_that_is_told_to_stop_leaves_nothing(home: Home, stack: subprocess.Popen[str], asked: signal.Signals):
    stack.send_signal(asked)

    assert stack.wait(timeout=10) == 0
    home.assert_nothing_is_left(seconds=1)
    assert not home.is_up()


def test_launcher_that_is_killed_takes_everything_along(home: Home, stack: subprocess.Popen[str]):
    stack.kill()

    home.assert_nothing_is_left()


def test_stack_starts_again_after_its_launcher_was_killed(home: Home, stack: subprocess.Popen[str], procfile: Path):
    stack.kill()
    stack.wait()

    with home.started("deploy.stack", "--procfile", procfile, "--logs", "--skip-models") as again:
        wait_for(lambda: home.running_as("987"), "the new sleeper")
        again.terminate()
        assert again.wait(timeout=10) == 0


def test_killed_program_comes_back(home: Home, stack: subprocess.Popen[str]):
    sleeper = wait_for(lambda: home.running_as("987"), "the sleeper")

    sleeper.kill()
    sleeper.wait()

    assert wait_for(lambda: home.running_as("987"), "another sleeper").pid != sleeper.pid
    assert "sleeper was ended by SIGKILL" in (home.folder / "logs" / "sleeper.log").read_text()


def test_killed_valkey_comes_back_at_the_same_address(home: Home, stack: subprocess.Popen[str]):
    address = (home.folder / "run" / "redis.url").read_text()
    valkey = wait_for(lambda: _server(home), "the server")

    valkey.kill()
    valkey.wait()

    assert wait_for(lambda: _server(home), "another server").pid != valkey.pid
    assert (home.folder / "run" / "redis.url").read_text() == address


def _server(home: Home) -> psutil.Process | None:
    names = ("valkey-server", "redis-server")
    return next((process for process in home.running() if process.name().startswith(names)), None)


def test_keeper_that_is_killed_takes_its_program_along_and_stops_the_stack(home: Home, stack: subprocess.Popen[str]):
    keeper = wait_for(lambda: home.running_as("-m deploy.keep sleeper"), "the keeper")

    keeper.kill()

    _, said = stack.communicate(timeout=15)
    assert stack.returncode == 1
    assert said.startswith("sleeper can't be kept running")
    home.assert_nothing_is_left(seconds=1)


def test_second_start_on_the_same_home_is_refused_with_the_pid(
    home: Home, stack: subprocess.Popen[str], procfile: Path
):
    with home.started("deploy.stack", "--procfile", procfile, "--skip-models") as second:
        _, said = second.communicate(timeout=20)

    assert second.returncode == 1
    assert f"process {stack.pid}" in said
    assert len(said.splitlines()) == 1
    assert stack.poll() is None


def test_taken_flower_port_gives_one_sentence_and_a_free_one_to_try(home: Home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", home.flower_port))
        taken.listen()
        with home.started("deploy.stack", "--skip-models") as stack:
            _, said = stack.communicate(timeout=20)

    assert stack.returncode == 1
    assert len(said.splitlines()) == 1
    assert f"Port {home.flower_port} is taken" in said
    assert "FLOWER_PORT=" in said
    home.assert_nothing_is_left(seconds=1)


def test_program_that_cant_start_stops_the_stack_and_is_quoted(home: Home, tmp_path: Path):
    procfile = tmp_path / "Procfile.broken"
    procfile.write_text(
        LIGHT_PROCFILE + "broken: python -m deploy.keep broken sh -c 'echo the model is not pulled >&2; exit 78'\n"
    )

    with home.started("deploy.stack", "--procfile", procfile, "--logs", "--skip-models") as stack:
        _, said = stack.communicate(timeout=20)

    assert stack.returncode == 1
    assert "broken can't be kept running" in said
    assert "the model is not pulled" in said
    home.assert_nothing_is_left(seconds=1)


def test_redis_that_does_not_answer_gives_one_sentence_without_its_password(home: Home, procfile: Path):
    url = "redis://:secret-word@127.0.0.1:1/0"
    with home.started("deploy.stack", "--procfile", procfile, "--skip-models", REDIS_URL=url) as stack:
        _, said = stack.communicate(timeout=20)

    assert stack.returncode == 1
    assert said.startswith("Redis at REDIS_URL does not answer")
    assert len(said.splitlines()) == 1
    assert "secret-word" not in said


def is_ready(home: Home) -> bool:
    return readiness.all_ready(readiness.ask(Settings(_env_file=None, priya_home=home.folder)))


def ready_pids(home: Home) -> set[int]:
    """Of the workers that say that they are alive and ready. A successor may be there before a dead one is missed."""
    return {worker.pid for worker in home.workers() if worker.state == "ready"}


def test_real_worker_that_is_killed_is_ready_again(home: Home):
    with home.started("deploy.stack", "--logs") as stack:
        wait_for(lambda: stack.poll() is not None or is_ready(home), "all stages")
        assert stack.poll() is None, stack.stderr and stack.stderr.read()
        worker = wait_for(lambda: home.running_as("-m tasks.worker synthesize"), "the worker")

        worker.kill()

        wait_for(lambda: worker.pid not in ready_pids(home) and is_ready(home), "its successor")
        stack.terminate()
        assert stack.wait(timeout=12) == 0
    home.assert_nothing_is_left(seconds=1)


def test_conversation_begins_when_all_is_ready_and_its_end_ends_all(home: Home):
    conversation = "python -m deploy.readiness --timeout 1"
    with home.started("deploy.talk", "--conversation", conversation) as talk:
        _, said = talk.communicate(timeout=120)

    assert talk.returncode == 0, said
    seen_by_launcher, seen_by_conversation = said.splitlines()[-2:]
    assert seen_by_launcher.count(": ready") == len(readiness.STAGES)
    assert seen_by_conversation.count(": ready") == len(readiness.STAGES)
    home.assert_nothing_is_left(seconds=1)


def test_every_line_of_the_procfile_is_kept_alive():
    lines = (REPOSITORY / "Procfile").read_text().splitlines()

    assert [line.split(":")[0] for line in lines] == [
        "valkey", "transcribe", "generate", "synthesize", "upkeep", "flower", "bot",
    ]  # fmt: skip
    assert all(f"python -m deploy.keep {line.split(':')[0]} python" in line for line in lines)
