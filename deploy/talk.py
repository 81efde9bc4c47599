"""``make run``: the stack behind the scenes, and the conversation in the foreground once all is warm.

With Discord on there is no conversation here: the stack then runs in the foreground and the bot is part of it.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from config.settings import Settings, SettingsError, load_settings
from deploy import readiness
from deploy.lifeline import tie_to_parent, tied
from deploy.stack import REPOSITORY, StackRefused, pull_models

STOP_SECONDS: Final = 10
CONVERSATION: Final = "python -m bot.local"


class Stopped(BaseException):
    """We were told to stop. Like KeyboardInterrupt, it is no error."""


@contextmanager
def stack_behind(options: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The stack in a session of its own, so that Ctrl-C reaches the conversation and not the workers."""
    command = [sys.executable, "-m", "deploy.stack", "--logs", "--skip-models", *options]
    stack = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=tied(signal.SIGTERM),  # noqa: PLW1509 - no threads
    )
    try:
        yield stack
    finally:
        if stack.poll() is None:
            stack.terminate()
        try:
            stack.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            stack.kill()  # everything in it is tied to it
            stack.wait()


def converse(command: Sequence[str]) -> int:
    """Run the conversation on this terminal. Returns its exit code.

    The terminal sends Ctrl-C to it as well as to us; what that means is the conversation's affair."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    conversation = subprocess.Popen(command, env=environment, preexec_fn=tied(signal.SIGTERM))  # noqa: PLW1509

    def pass_on(number: int, _: FrameType | None) -> None:
        if not (number == signal.SIGINT and sys.stdin.isatty()):
            with suppress(ProcessLookupError):
                conversation.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        return conversation.wait()
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)


def talk(settings: Settings, stack_options: Sequence[str], conversation: Sequence[str]) -> int:
    """Returns the exit code for all of it."""
    logs = settings.priya_home / "logs"
    with stack_behind(stack_options) as stack:
        print(f"Starting Priya (logs: {logs})", file=sys.stderr)
        if not readiness.wait(settings, goes_on=lambda: stack.poll() is None):
            return stack.returncode or 1
        code = converse(conversation)
    return 0 if code in (0, -signal.SIGINT, -signal.SIGTERM, 130, 143) else abs(code)


def stop(number: int, _: FrameType | None) -> None:
    # Stopping takes seconds; a second Ctrl-C must not break it off.
    signal.signal(number, signal.SIG_IGN)
    raise Stopped


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.talk", description="Start the stack and talk with Priya.")
    parser.add_argument("--conversation", default=CONVERSATION, help=f"what to run in front (default: {CONVERSATION})")
    parser.add_argument("--end-with-parent", action="store_true", help="stop when the program that started this ends")
    options, stack_options = parser.parse_known_args(arguments)
    if options.end_with_parent:
        tie_to_parent(signal.SIGTERM, os.getppid())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        settings = load_settings()
        if settings.discord_token is not None:
            command = [sys.executable, "-m", "deploy.stack", "--end-with-parent", *stack_options]
            os.execv(sys.executable, command)  # noqa: S606 - no shell is the point
        pull_models()
        return talk(settings, stack_options, shlex.split(options.conversation))
    except (StackRefused, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped:
        return 0


if __name__ == "__main__":
    sys.exit(main())
