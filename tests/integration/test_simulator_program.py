"""``python -m tests.discord``: a bot in a process of its own finds its way in by the environment alone."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile

HOUSE = Path(__file__).parents[2]
BOT = """
import os, nextcord
from tests.discord.stock import Packets, stock_client
from tests.discord.sounds import tone
from workers.opus import OpusEncoder
nextcord.http.Route.BASE = os.environ["DISCORD_API_BASE"]
client = stock_client()

async def on_message(message):
    if message.content.endswith("!join"):
        voice = await message.author.voice.channel.connect()
        voice.play(Packets(OpusEncoder().encode(tone(1.0))))
        await message.reply("aa gayi")

client.event(on_message)
client.run(os.environ["DISCORD_TOKEN"])
"""
STRANGER = """
import os, nextcord
from tests.discord.stock import stock_client
nextcord.http.Route.BASE = os.environ["DISCORD_API_BASE"]
client = stock_client()

@client.slash_command(name="talk", description="Say something aloud")
async def talk(interaction, text: str = nextcord.SlashOption()):
    await interaction.response.send_message(f"bolti hoon: {text}")

async def on_message(message):
    if message.content.endswith("!join"):
        view = nextcord.ui.View()
        view.add_item(nextcord.ui.Button(label="terms", url="https://example.org"))
        await message.reply("read this", view=view)

client.event(on_message)
client.run(os.environ["DISCORD_TOKEN"])
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    heard = tmp_path / "heard.wav"
    command = [sys.executable, "-u", "-m", "tests.discord", "--save", str(heard)]
    process = subprocess.Popen(command, cwd=HOUSE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(90, process.kill)
    watchdog.start()
    yield process
    watchdog.cancel()
    process.kill()
    process.communicate()


def printed_environment(program: subprocess.Popen[str]) -> dict[str, str]:
    """What a bot is to be started with: everything up to the line that says how to end it."""
    assert program.stdout is not None
    environment: dict[str, str] = {}
    for line in program.stdout:
        if found := re.match(r"export (\w+)=(.*)", line):
            environment[found[1]] = found[2]
        elif "Without --wav" in line:
            environment["says"] = line
        elif "Ctrl-C" in line:
            break
    return environment


@contextmanager
def running_bot(code: str, environment: dict[str, str]) -> Iterator[None]:
    bot = subprocess.Popen([sys.executable, "-c", code], cwd=HOUSE, env={**os.environ, **environment})
    try:
        yield
    finally:
        bot.terminate()
        bot.wait()


def told_until(program: subprocess.Popen[str], words: str) -> list[str]:
    assert program.stdout is not None
    told: list[str] = []
    for line in program.stdout:
        told.append(line.rstrip("\n"))
        if words in line:
            return told
    raise AssertionError(f"it ended without {words!r}: {told}")


def test_a_bot_started_with_the_printed_environment_joins_and_is_heard(
    program: subprocess.Popen[str], tmp_path: Path
) -> None:
    environment = printed_environment(program)
    assert "a tone" in environment.pop("says")
    assert environment["DISCORD_GATEWAY"].startswith("ws://127.0.0.1:")
    assert environment["NODE_EXTRA_CA_CERTS"] == environment["SSL_CERT_FILE"]
    ours = {name: environment[name] for name in ("DISCORD_API_BASE", "DISCORD_TOKEN", "SSL_CERT_FILE")}
    with running_bot(BOT, ours):
        told = told_until(program, "saved as")
    assert any("bot  wrote: aa gayi" in line for line in told)
    assert any("Asha has spoken" in line for line in told)
    samples, rate_hz = soundfile.read(tmp_path / "heard.wav")
    assert len(samples) / rate_hz > 0.8
    assert Path(environment["SSL_CERT_FILE"]).exists()
    program.terminate()
    assert program.wait(30) == 0
    assert not Path(environment["SSL_CERT_FILE"]).exists(), "the certificate lives as long as the run"


def test_it_goes_on_whatever_a_stranger_does(program: subprocess.Popen[str]) -> None:
    environment = printed_environment(program)
    assert program.stdin is not None
    with running_bot(STRANGER, environment):
        told = told_until(program, "can press nothing there")
        if not any("has the commands talk" in line for line in told):
            told += told_until(program, "has the commands talk")
        lines = ["/sing", "/talk haal", "/talk text", "/talk tune=haal", '/talk text="kya', "/", "x" * 2_001]
        program.stdin.write("\n".join([*lines, '/talk text="kya haal"', ""]))
        program.stdin.flush()
        told += told_until(program, "bot  answered: bolti hoon: kya haal")
        program.stdin.write("theek\n")
        program.stdin.flush()
        told += told_until(program, "Asha wrote: theek")
    refused = [line.removeprefix("  not done: ") for line in told if "not done: " in line]
    assert len(refused) == len(lines), told
    assert "no command sing" in refused[0]
    assert 'declares no "haal"' in refused[1]
    assert 'declares no "text"' in refused[2]
    assert 'declares no "tune"' in refused[3]
    assert "a quote is not closed" in refused[4]
    assert "option=value" in refused[5]
    assert "2,000 characters" in refused[6]
    program.terminate()
    assert program.wait(30) == 0
