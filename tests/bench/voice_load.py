"""What listening costs: ``python -m tests.bench.voice_load [seconds]``.

Speakers with DAVE on talk without a pause over loopback UDP, from a process of their own; this process hears them as
the bot does, with its receiving thread and an event loop that takes what is heard. Measured is this process's whole CPU
time, over the share of a core that it takes idle, and by how much the loop was late.
"""

import asyncio
import pickle
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from bot.voice.dave import SealedSpeech
from bot.voice.discovery import udp_to
from bot.voice.receive import Heard, Receiver, Sound
from bot.voice.receiving import ReceiveThread
from bot.voice.transport import XCHACHA, Transport
from tests.fakes.dave_group import Group
from tests.fakes.voice_packets import KEY, Wire
from workers.opus import OpusEncoder

SPEAKERS = (1, 10, 25)
SECONDS = 10
BOT = 1
LOOK_EVERY_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Load:
    """What one number of speakers cost."""

    speakers: int
    core_percent: float
    heard_percent: float
    """Of what was sent."""
    latest_ms: float
    """The event loop, at its latest."""

    def __str__(self) -> str:
        return (
            f"| {self.speakers} | {self.core_percent:.1f} % | {self.core_percent / self.speakers:.2f} % "
            f"| {self.heard_percent:.1f} % | {self.latest_ms:.1f} ms |"
        )


def speech_like(seconds: float, seed: int) -> list[bytes]:
    """Opus of a gliding voice with breath in it: as dear to decode as speech."""
    chance = np.random.default_rng(seed)
    times = np.arange(round(seconds * 48_000)) / 48_000
    phase = 2 * np.pi * (110 + 10 * seed) * times + 6 * np.sin(2 * np.pi * 1.3 * times)
    voice = sum(np.sin(k * phase) / k for k in range(1, 14)) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * times))
    return OpusEncoder().encode((0.12 * voice + 0.01 * chance.standard_normal(len(times))).astype(np.float32))


def call(speakers: int, seconds: int) -> tuple[list[list[bytes]], SealedSpeech]:
    """The packets of each 20 ms, and what opens them."""
    group = Group(BOT, *range(2, speakers + 2))
    voices = []
    for user_id in range(2, speakers + 2):
        ssrc = 1000 + user_id
        group[user_id].begin_epoch(ssrc)
        wire = Wire(ssrc)
        voices.append(wire.packets(group[user_id].seal(ssrc, packet) for packet in speech_like(seconds, user_id)))
    opener = SealedSpeech()
    opener.begin(1)
    opener.install(group[BOT].ratchets(*range(2, speakers + 2)))
    return [list(packets) for packets in zip(*voices, strict=True)], opener


async def measure(speakers: int, seconds: int) -> Load:
    rounds, opener = call(speakers, seconds)
    samples = 0

    def deliver(heard: list[Heard]) -> None:
        nonlocal samples
        samples += sum(len(piece.pcm) // 2 for piece in heard if isinstance(piece, Sound))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        udp = await udp_to(*server.getsockname())
        receiver = Receiver(Transport(XCHACHA, KEY), lambda _user_id: True)
        receiver.sealed_speech = opener  # type: ignore[misc]  # the group was formed before there was a receiver
        for user_id in range(2, speakers + 2):
            receiver.name(1000 + user_id, user_id, 0.0)
        loop = asyncio.get_running_loop()

        def hand_over(heard: list[Heard]) -> None:
            loop.call_soon_threadsafe(deliver, heard)

        thread = ReceiveThread(
            udp,
            receiver,
            deliver=hand_over,
            lost_step=lambda: None,
        )
        thread.start()
        idle = await busy_share(1.0)
        sender = subprocess.Popen(  # noqa: ASYNC220 - nothing is measured yet
            [sys.executable, "-m", "tests.bench.voice_load", "--send"],
            stdin=subprocess.PIPE,
            pass_fds=[server.fileno()],
        )
        assert sender.stdin is not None
        pickle.dump((server.fileno(), udp.getsockname(), rounds), sender.stdin)
        sender.stdin.close()
        await asyncio.sleep(1.5)  # until it is on its way
        busy = await busy_share(seconds - 4)
        lateness = await latest(1.5)  # not at the same time: looking costs more than listening
        await asyncio.to_thread(sender.wait)
        await asyncio.sleep(0.2)
        thread.stop()
        udp.close()
    sent = len(rounds) * speakers * 320
    return Load(speakers, 100 * (busy - idle), 100 * samples / sent, 1000 * lateness)


async def busy_share(seconds: float) -> float:
    """Of one core, over the next seconds."""
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    return (time.process_time() - cpu) / (time.monotonic() - wall)


async def latest(seconds: float) -> float:
    """By how much a timer of the loop was late at most, in seconds."""
    worst, until = 0.0, time.monotonic() + seconds
    while (asked := time.monotonic()) < until:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        worst = max(worst, time.monotonic() - asked - LOOK_EVERY_SECONDS)
    return worst


def send() -> None:
    """The speakers' process."""
    descriptor, address, rounds = pickle.load(sys.stdin.buffer)
    with socket.socket(fileno=descriptor) as server:
        begun = time.monotonic()
        for number, packets in enumerate(rounds):
            for place, packet in enumerate(packets):
                # Everyone began to speak at another moment.
                time.sleep(max(begun + (number + place / len(packets)) * 0.020 - time.monotonic(), 0))
                server.sendto(packet, address)


def main() -> None:
    if "--send" in sys.argv:
        send()
        return
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    sys.stdout.write("| speakers | of a core | each | heard | loop late by |\n|---|---|---|---|---|\n")
    for speakers in SPEAKERS:
        sys.stdout.write(f"{asyncio.run(measure(speakers, seconds))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
