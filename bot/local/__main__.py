"""``python -m bot.local``: talk with Priya without Discord. Needs a running stack (``make stack``)."""

import argparse
import asyncio
import getpass
import json
import os
import sys
import uuid
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from bot.growing_text import GrowingText
    from bot.local.report import TurnReport
    from bot.local.room import LocalRoom
    from bot.local.wavs import HeardPcm
    from bot.turns import Happening

EXAMPLES = """\
examples:
  python -m bot.local                                    a conversation in this terminal
  python -m bot.local --text "hi" --json                 one typed turn
  python -m bot.local --wav in.wav --out out.wav --realtime --json
                                                         one spoken turn, as if from a microphone

exit codes: 0 answered, 1 the turn failed, 2 the input or a setting can't be used,
            3 no stack or a worker of it is missing, 4 nothing was heard"""


class Exit(IntEnum):
    ANSWERED = 0
    FAILED = 1
    BAD_INPUT = 2
    NO_STACK = 3
    NOTHING_HEARD = 4


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bot.local",
        description="Talk with Priya in this terminal, or do one turn and exit.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--text", type=unicode_text, help="say this and exit")
    what.add_argument(
        "--wav", nargs="+", type=Path, metavar="FILE", help="speak these sound files, one after the other"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the spoken answer to this wav")
    parser.add_argument("--realtime", action="store_true", help="feed sound at real speed, 20 ms at a time")
    parser.add_argument("--json", action="store_true", help="print one line of JSON a turn instead of text")
    parser.add_argument(
        "--name", type=unicode_text, default=own_name(), help="your name, as she hears it (default: %(default)s)"
    )
    parser.add_argument("--conversation", type=unicode_text, help="go on with this conversation (default: a new one)")
    options = parser.parse_args(arguments)
    if (options.out or options.json or options.realtime) and options.text is None and not options.wav:
        parser.error("--out, --json and --realtime go with --text or --wav")
    if options.realtime and not options.wav:
        parser.error("--realtime goes with --wav")
    return options


def unicode_text(argument: str) -> str:
    """An argument whose bytes are no UTF-8 arrives with surrogates in it, which no message can carry."""
    if any("\ud800" <= letter <= "\udfff" for letter in argument):
        raise argparse.ArgumentTypeError("is not UTF-8")
    return argument


def own_name() -> str:
    """The user's name; root is nobody's friend."""
    name = getpass.getuser()
    return "friend" if name == "root" else name


async def converse_or_answer(options: argparse.Namespace, settings: Settings) -> Exit:
    """Enter the room and do what was asked for. Every foreseeable problem becomes one sentence and an exit code."""
    # Imported here: --help and wrong usage must not wait for audio and queue libraries.
    from bot.local.room import LocalRoom, Missing, NoStack, TextError, check_text
    from bot.local.wavs import WavError, check_output, read_wav
    from bot.turns import Who
    from config.persona import PersonaError, persona
    from tasks.dispatch import NotSent

    try:
        recordings = [read_wav(file) for file in options.wav or ()]
        if options.text is not None:
            check_text(options.text)
        if options.out is not None:
            check_output(options.out)
        conversation = options.conversation or f"local:{uuid.uuid4().hex}"
        who = Who(id=f"local:{options.name}", name=options.name, conversation=conversation)
        async with LocalRoom(settings, who) as room:
            if options.text is None and not recordings:
                from bot.by_heart import ByHeart
                from bot.local.terminal import Terminal, line_reader

                await Terminal(room, persona(), ByHeart(settings)).converse(line_reader("you: "))
                return Exit.ANSWERED
            return await answer_once(room, options, recordings)
    except (WavError, TextError, PersonaError) as problem:
        return _stop(problem, Exit.BAD_INPUT)
    except (NoStack, Missing, NotSent) as problem:
        return _stop(problem, Exit.NO_STACK)


async def answer_once(room: "LocalRoom", options: argparse.Namespace, recordings: "list[HeardPcm]") -> Exit:
    """One turn, or one for each utterance in the recordings. Raises what the room raises."""
    from bot.growing_text import GrowingText
    from bot.local.speaking import speak
    from bot.local.wavs import write_wav

    reports: list[TurnReport] = []
    words = GrowingText()

    async def show(happening: "Happening") -> None:
        if not options.json:
            print_words(happening, words)

    if options.text is not None:
        reports.append(await room.say(options.text, show, spoken=True))
    else:
        reports += await speak(room, recordings, show, realtime=options.realtime)
    for report in reports:
        if options.json:
            print(json.dumps(report.to_json(), ensure_ascii=False), flush=True)
        elif report.failure is not None:
            from bot.local.report import describe

            print(f"{report.failure.stage}: {describe(report.failure)}", file=sys.stderr)
    if options.out is not None:
        write_wav(options.out, [packet for report in reports for packet in report.packets])
    return exit_of(reports)


def print_words(happening: "Happening", words: "GrowingText") -> None:
    """``words``: those of her answer so far."""
    from tasks.messages import Heard, ReplyEnded, Words

    match happening:
        case Heard():
            print(f"(heard: {happening.text or 'nothing'})")
        case Words():
            print(words.add(happening), end="", flush=True)
        case ReplyEnded():
            print()


def exit_of(reports: "list[TurnReport]") -> Exit:
    from tasks.messages import TurnDropped

    if not reports:
        print("Nothing was heard: no speech in what was played.", file=sys.stderr)
        return Exit.NOTHING_HEARD
    silent = [
        isinstance(report.failure, TurnDropped) and report.failure.reason == "nothing-heard" for report in reports
    ]
    if any(report.failure is not None and not is_silent for report, is_silent in zip(reports, silent, strict=True)):
        return Exit.FAILED
    return Exit.NOTHING_HEARD if all(silent) else Exit.ANSWERED


def _stop(problem: Exception, code: Exit) -> Exit:
    print(problem, file=sys.stderr)
    return code


def main(arguments: list[str] | None = None) -> int:
    # Read when numpy is loaded, which comes later: its threads make voice detection's small products slower.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    options = parse(arguments)
    try:
        settings = load_settings()
    except SettingsError as error:
        return _stop(error, Exit.BAD_INPUT)
    from config.logs import configure_logs

    configure_logs(quiet_unless_filed(settings), "local")
    try:
        return asyncio.run(converse_or_answer(options, settings))
    except KeyboardInterrupt:
        return Exit.FAILED


def quiet_unless_filed(settings: Settings) -> Settings:
    """Log lines would run into the conversation: without a file, only errors are worth that."""
    if settings.log_file is not None:
        return settings
    return settings.model_copy(update={"log_level": "ERROR"})


if __name__ == "__main__":
    sys.exit(main())
