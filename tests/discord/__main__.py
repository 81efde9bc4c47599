"""Run a simulated Discord for a bot in another terminal: prints the environment to start it with, then lets Asha
join her voice channel, agree to be heard, and say a recording; prints and saves what comes back.

Lines typed meanwhile are hers: a text is written into #general, ``/name`` uses a command, an empty line says the
recording again."""

import argparse
import asyncio
import shlex
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile

from config.audio import HEARD_RATE_HZ, SPOKEN_RATE_HZ
from tests.discord.channel import Channel
from tests.discord.events import (
    CommandsRegistered,
    GatewayClosed,
    GatewayIdentified,
    InteractionAnswered,
    InteractionFollowed,
    Json,
    MessageEdited,
    MessagePosted,
    VoiceConnected,
)
from tests.discord.people.person import Pcm, Person
from tests.discord.refusals import Refusal
from tests.discord.rest.messages import LONGEST_MESSAGE
from tests.discord.simulator import DiscordSimulator
from tests.discord.sounds import tone

FOREVER = 86_400.0
BUTTON = 2
QUIET_SECONDS = 1.5
"""After so much silence her answer is taken to be over."""


class NotPossible(Exception):
    """What was typed can't be done. The message is a sentence that says why."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.discord", description=__doc__)
    parser.add_argument("--wav", type=Path, help="what Asha says (any rate, first channel); a tone without it")
    parser.add_argument("--save", type=Path, default=Path("heard.wav"), help="where the bot's last words are saved")
    parser.add_argument("--port", type=int, default=0, help="of the REST interface and gateway (default: any free one)")
    parser.add_argument("--loss", type=float, default=0.0, help="share of Asha's packets that get lost, 0 to 1")
    parser.add_argument("--without-dave", action="store_true", help="Asha's client knows no end-to-end encryption")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def recording(path: Path | None) -> tuple[Pcm, int]:
    """Samples and their rate."""
    if path is None:
        return tone(1.0), SPOKEN_RATE_HZ
    samples, rate_hz = soundfile.read(path, dtype="int16", always_2d=True)
    return np.ascontiguousarray(samples[:, 0]), int(rate_hz)


class Evening:
    """One person, one text channel, one voice channel, and whatever bot comes."""

    def __init__(self, discord: DiscordSimulator, options: argparse.Namespace) -> None:
        home = discord.add_guild("Ghar")
        self.discord = discord
        self.general = home.add_text_channel("general")
        self.room: Channel = home.add_voice_channel("baithak")
        self.asha: Person = home.add_member("Asha")
        self.asha.dave_version = 0 if options.without_dave else 1
        self.words = recording(options.wav)
        self.save: Path = options.save
        discord.voice.faults.downlink.loss = options.loss

    async def live(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for part in (self.tell, self.talk, self.agree, self.keep_answers, self.type):
                group.create_task(part())

    async def tell(self) -> None:
        """Print what the bot does."""
        at = 0
        while True:
            event = await self.discord.journal.first(object, since=at, seconds=FOREVER)
            at += 1
            match event:
                case MessagePosted(author_id=author, content=content):
                    who = "bot " if author == self.discord.world.bot.id else "Asha"
                    print(f"  {who} wrote: {content}")
                case MessageEdited(content=content):
                    print(f"  bot  edited: {content}")
                case InteractionAnswered(data=data) | InteractionFollowed(data=data):
                    print(f"  bot  answered: {data.get('content', '')}")
                case CommandsRegistered(names=names):
                    print(f"  bot  has the commands {', '.join(names) or '(none)'}")
                case GatewayIdentified() | GatewayClosed() | VoiceConnected():
                    print(f"  {event}")

    async def talk(self) -> None:
        """Join with the bot and say the recording, once for every time it connects to voice."""
        await self.discord.journal.first(GatewayIdentified, seconds=FOREVER)
        await self.asha.join(self.room)
        await self.asha.write(self.general, f"<@{self.discord.world.bot.id}> !join")
        since = 0
        while True:
            await self.discord.journal.first(VoiceConnected, since=since, seconds=FOREVER)
            since = self.discord.journal.mark()
            await asyncio.sleep(1.0)  # time for keys to be exchanged, and for consent
            await self.say()

    async def say(self) -> None:
        print("  Asha speaks")
        await self.asha.speak(*self.words)
        print("  Asha has spoken")

    async def agree(self) -> None:
        """Press the first button of every message that has one."""
        since = 0
        while True:
            posted = await self.discord.bot_wrote(
                lambda event: bool(event.payload["components"]), since=since, seconds=FOREVER
            )
            since = self.discord.journal.events.index(posted) + 1
            message, ids = self.discord.world.messages.get(posted.id), buttons(posted.payload["components"])
            if message is None or not ids:
                print("  Asha can press nothing there: it has only links or menus, or is gone")
            else:
                print(f"  Asha presses {ids[0]}")
                await self.asha.press(message, ids[0])

    async def keep_answers(self) -> None:
        """Save what the bot says, one answer over the other."""
        await self.discord.journal.first(VoiceConnected, seconds=FOREVER)
        known = 0
        while True:
            await self.asha.hears(known + 1, seconds=FOREVER)
            heard = await self.asha.hears_silence_of(QUIET_SECONDS)
            pcm = heard.pcm()
            soundfile.write(self.save, pcm, HEARD_RATE_HZ)
            known = sum(bool(packet.opus) and not packet.is_silence for packet in heard.packets)
            print(f"  bot  said {len(pcm) / HEARD_RATE_HZ:.1f} s so far, saved as {self.save}")

    async def type(self) -> None:
        lines = typed_lines()
        while line := await lines.get():
            try:
                await self.obey(line.strip())
            except (NotPossible, Refusal) as refusal:
                print(f"  not done: {refusal}")

    async def obey(self, text: str) -> None:
        """Raises NotPossible."""
        if text.startswith("/"):
            command, options = command_of(text)
            try:
                await self.asha.use(command, self.general, **options)
            except AssertionError as unknown:
                raise NotPossible(str(unknown)) from None
        elif len(text) > LONGEST_MESSAGE:
            raise NotPossible(f"a message has {LONGEST_MESSAGE:,} characters at most, and this one {len(text):,}")
        elif text:
            await self.asha.write(self.general, text)
        else:
            await self.say()


def command_of(line: str) -> tuple[str, dict[str, str]]:
    """``/voice choose name="soft heart"``: the command with its subcommands, and its options. Raises NotPossible."""
    try:
        words = shlex.split(line[1:])
    except ValueError as unclosed:
        raise NotPossible(f"a quote is not closed ({unclosed})") from None
    options = dict(word.split("=", 1) for word in words if "=" in word)
    command = [word for word in words if "=" not in word]
    if not command or words[: len(command)] != command:
        raise NotPossible('a command is /name option=value option="two words"')
    return " ".join(command), options


def typed_lines() -> asyncio.Queue[str]:
    """Lines of standard input, an empty string at its end. The thread that reads them keeps nobody from leaving."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        line = "\n"
        while line:
            line = sys.stdin.readline()
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, name="typed lines", daemon=True).start()
    return lines


def buttons(components: list[Json]) -> list[str]:
    """Custom ids of those that can be pressed: links have none."""
    ids: list[str] = []
    for part in components:
        if part.get("type") == BUTTON and "custom_id" in part and not part.get("disabled"):
            ids.append(part["custom_id"])
        ids += buttons(part.get("components") or [])
    return ids


async def simulate(options: argparse.Namespace) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with DiscordSimulator(options.seed, options.port) as discord:
        evening = Evening(discord, options)
        print("Start the bot in another terminal with:\n")
        certificate = str(discord.certificate.file)
        others = {"DISCORD_GATEWAY": discord.gateway.url, "NODE_EXTRA_CA_CERTS": certificate}
        for name, value in {**discord.environment, **others}.items():
            print(f"export {name}={value}")
        if options.wav is None:
            print("\nWithout --wav Asha says a tone, in which no bot finds words: nobody will answer her voice.")
        print("\nCtrl-C ends it.", flush=True)
        await evening.live()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(simulate(arguments()))
