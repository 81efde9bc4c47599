"""What listening costs: ``python -m tests.bench.voice_load [--json] [seconds]``.

Speakers with DAVE on talk without a pause over loopback UDP, from a process of their own; this process hears them as
the bot does: its receiving thread opens, decodes and looks for speech, and an event loop decides when they begin, pause
and end. Measured is this process's whole CPU time, over the share of a core that it takes idle, and by how much the
loop was late.
"""

import asyncio
import json
import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Final

import numpy as np
import soxr

from bot.loop_lag import Lag, LoopLag
from bot.voice.dave import SealedSpeech
from bot.voice.discovery import udp_to
from bot.voice.hearing import Hearing
from bot.voice.inner_ear import InnerEar
from bot.voice.jitter import STALLED_AFTER_SECONDS
from bot.voice.receive import Heard, Receiver, Silence, Sound
from bot.voice.receiving import ReceiveThread
from bot.voice.transport import XCHACHA, Transport
from bot.voice.vad import SileroVad
from config.audio import HEARD_RATE_HZ
from config.settings import load_settings
from tests.bench.phrases import PAUSE_SECONDS, recordings
from tests.fakes.dave_group import Group
from tests.fakes.voice_packets import KEY, Wire
from workers.opus import OpusEncoder

SENTENCES: Final = 16
LEAD_SAMPLES: Final = round(PAUSE_SECONDS * HEARD_RATE_HZ)
SPEAKERS: Final = (1, 10, 25)
SECONDS: Final = 12
IDLE_SECONDS: Final = 2.0
STARTING_SECONDS: Final = 1.5
LAG_SECONDS: Final = 2.5
BOT: Final = 1
BAR_PERCENT: Final = 2.0
"""Of a core for each speaker."""
HEARD_PERCENT: Final = 99.0
"""Whoever hears less than this has it easy."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one number of speakers cost."""

    speakers: int
    core_percent: float
    heard_percent: float
    """Of what was sent."""
    lag_p99_ms: float
    """Of the event loop."""
    lag_worst_ms: float
    stalls: int
    """How often the loop was held up for more than 50 ms."""

    @property
    def each_percent(self) -> float:
        return self.core_percent / self.speakers

    @property
    def unheard_percent(self) -> float:
        """Of what was sent."""
        return max(0.0, 100 - self.heard_percent)

    @property
    def is_held(self) -> bool:
        return self.each_percent <= BAR_PERCENT and self.heard_percent >= HEARD_PERCENT

    def __str__(self) -> str:
        held = "held" if self.is_held else "missed"
        return (
            f"| {self.speakers} | {self.core_percent:.1f} % | {self.each_percent:.2f} % | <= {BAR_PERCENT:g} %: {held} "
            f"| {self.heard_percent:.1f} % | {self.lag_p99_ms:.0f} / {self.lag_worst_ms:.1f} ms | {self.stalls} |"
        )


class Ears:
    """Everybody's, on the event loop."""

    def __init__(self) -> None:
        self.samples = 0
        self._hearing: dict[int, Hearing] = {}

    def hear(self, heard: list[Heard]) -> None:
        for piece in heard:
            if isinstance(piece, Sound):
                self.samples += len(piece.pcm) // 2
                self._of(piece.user_id).feed(piece.pcm, piece.told)
            elif isinstance(piece, Silence):
                self._of(piece.user_id).feed_silence(piece.milliseconds, piece.told)

    def _of(self, user_id: int) -> Hearing:
        if user_id not in self._hearing:
            self._hearing[user_id] = Hearing(SileroVad(), is_told=True)
        return self._hearing[user_id]


def speech(seconds: float) -> Iterator[list[bytes]]:
    """Opus of people who read the benchmark's sentences without a breath between them, each from another one on."""
    said = [
        soxr.resample(pcm[LEAD_SAMPLES:], HEARD_RATE_HZ, 48_000) for _, pcm in recordings(load_settings(), SENTENCES)
    ]
    samples = round(seconds * 48_000)
    for first in count():
        turned = said[first % SENTENCES :] + said[: first % SENTENCES]
        yield OpusEncoder().encode(np.resize(np.concatenate(turned), samples).astype(np.float32) / np.float32(32768))


def call(speakers: int, seconds: int) -> tuple[list[list[bytes]], SealedSpeech]:
    """The packets of each 20 ms, and what opens them."""
    group = Group(BOT, *range(2, speakers + 2))
    voices = []
    for user_id, spoken in zip(range(2, speakers + 2), speech(seconds), strict=False):
        ssrc = 1000 + user_id
        group[user_id].begin_epoch(ssrc)
        wire = Wire(ssrc)
        voices.append(wire.packets(group[user_id].seal(ssrc, packet) for packet in spoken))
    opener = SealedSpeech()
    opener.begin(1)
    opener.install(group[BOT].ratchets(*range(2, speakers + 2)))
    return [list(packets) for packets in zip(*voices, strict=True)], opener


async def measure(speakers: int, seconds: int) -> Load:
    rounds, opener = call(speakers, seconds)
    ears, inner_ear = Ears(), InnerEar()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        udp = await udp_to(*server.getsockname())
        receiver = Receiver(Transport(XCHACHA, KEY), lambda _user_id: True)
        receiver.sealed_speech = opener  # type: ignore[misc]  # the group was formed before there was a receiver
        for user_id in range(2, speakers + 2):
            receiver.name(1000 + user_id, user_id, 0.0)
        loop = asyncio.get_running_loop()

        def hand_over(heard: list[Heard]) -> None:
            if told := inner_ear.listen(heard):
                loop.call_soon_threadsafe(ears.hear, told)

        thread = ReceiveThread(udp, receiver, deliver=hand_over, lost_step=lambda: None, rest=lambda: inner_ear.rest)
        thread.start()
        idle = await busy_share(IDLE_SECONDS)
        sender = subprocess.Popen(  # noqa: ASYNC220 - nothing is measured yet
            [sys.executable, "-m", "tests.bench.voice_load", "--send"],
            stdin=subprocess.PIPE,
            pass_fds=[server.fileno()],
        )
        assert sender.stdin is not None
        pickle.dump((server.fileno(), udp.getsockname(), rounds), sender.stdin)
        sender.stdin.close()
        await asyncio.sleep(STARTING_SECONDS)
        busy = await busy_share(seconds - STARTING_SECONDS - LAG_SECONDS - 1)
        lag = await lag_over(LAG_SECONDS)  # not at the same time: looking costs more than listening
        await asyncio.to_thread(sender.wait)
        await asyncio.sleep(STALLED_AFTER_SECONDS * 2)  # what was kept back comes with the silence
        thread.stop()
        udp.close()
    sent = len(rounds) * speakers * 320
    heard = 100 * ears.samples / sent
    return Load(speakers, 100 * (busy - idle), heard, lag.p99_ms, lag.max_ms, lag.stalls)


async def busy_share(seconds: float) -> float:
    """Of one core, over the next seconds."""
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    return (time.process_time() - cpu) / (time.monotonic() - wall)


async def lag_over(seconds: float) -> Lag:
    """How late the loop is, by the bot's own probe."""
    async with LoopLag() as probe:
        await asyncio.sleep(seconds)
        return probe.lag()


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


def loads(seconds: int) -> list[Load]:
    """Measured in a process of its own, in which nothing else is loaded, with numpy's threads as the bot sets them."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.voice_load", "--json", str(seconds)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return [Load(**load) for load in found]


def main() -> None:
    if "--send" in sys.argv:
        send()
        return
    seconds = int(sys.argv[-1]) if sys.argv[-1].isdigit() else SECONDS
    if "--json" in sys.argv:
        for speakers in SPEAKERS:
            sys.stdout.write(json.dumps(asdict(asyncio.run(measure(speakers, seconds)))) + "\n")
        return
    sys.stdout.write("| speakers | of a core | each | bar | heard | loop late, p99 / most | > 50 ms |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for load in loads(seconds):
        sys.stdout.write(f"{load}\n")


if __name__ == "__main__":
    main()
