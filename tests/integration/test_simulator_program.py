"""``python -m tests.discord``: a bot in a process of its own finds its way in by the environment alone."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
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


def test_a_bot_started_with_the_printed_environment_joins_and_is_heard(
    program: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert program.stdout is not None
    environment: dict[str, str] = {}
    for line in program.stdout:
        if found := re.match(r"export (\w+)=(.*)", line):
            environment[found[1]] = found[2]
        elif "Ctrl-C" in line:
            break
    assert {*environment} == {"DISCORD_API_BASE", "DISCORD_TOKEN", "SSL_CERT_FILE"}
    bot = subprocess.Popen([sys.executable, "-c", BOT], cwd=HOUSE, env={**os.environ, **environment})
    try:
        told = []
        for line in program.stdout:
            told.append(line)
            if "saved as" in line:
                break
    finally:
        bot.terminate()
        bot.wait()
    assert any("bot  wrote: aa gayi" in line for line in told)
    assert any("Asha has spoken" in line for line in told)
    samples, rate_hz = soundfile.read(tmp_path / "heard.wav")
    assert len(samples) / rate_hz > 0.8
    assert Path(environment["SSL_CERT_FILE"]).exists()
    program.terminate()
    assert program.wait(30) == 0
    assert not Path(environment["SSL_CERT_FILE"]).exists(), "the certificate lives as long as the run"
