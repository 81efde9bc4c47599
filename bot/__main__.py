"""``python -m bot``: Priya on Discord, until SIGTERM or Ctrl-C. Needs DISCORD_TOKEN and a running stack."""

import argparse
import asyncio
import os
import sys
from typing import Final

from config.settings import SettingsError, load_settings

EPILOG: Final = """\
Settings come from the environment or .env: see .env.example and the README's "On Discord".

exit codes: 0 told to stop, 75 the connection was lost for good (a fresh start may mend it),
            78 a setting is missing or refused (the last line says which, and the mend)"""
HOW_TO_BEGIN: Final = (
    'DISCORD_TOKEN is not set: make a bot as the README\'s "On Discord" says, and put its token into .env. '
    "Without Discord, talk with her by: python -m bot.local"
)


def main(arguments: list[str] | None = None) -> int:
    argparse.ArgumentParser(
        prog="python -m bot",
        description="Priya on Discord, until SIGTERM or Ctrl-C.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    # Read when numpy is loaded, which comes later: its threads make voice detection's small products slower.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        settings = load_settings()
    except SettingsError as error:
        return _stop(error, os.EX_CONFIG)
    if settings.discord_token is None:
        return _stop(HOW_TO_BEGIN, os.EX_CONFIG)
    # Imported here: wrong usage and a missing token must not wait for Discord and sound.
    from bot.memory import keep_one_arena

    keep_one_arena()
    from bot.process import run
    from bot.reaching import Lost, Refused
    from bot.voice.vad import VadUnavailable
    from config.libopus import LibopusMissing
    from config.logs import configure_logs

    configure_logs(settings, "bot")
    try:
        asyncio.run(run(settings, settings.discord_token.get_secret_value()))
    except (Refused, VadUnavailable, LibopusMissing) as refusal:
        return _stop(refusal, os.EX_CONFIG)
    except Lost as loss:
        return _stop(loss, os.EX_TEMPFAIL)
    return os.EX_OK


def _stop(why: object, code: int) -> int:
    print(why, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
