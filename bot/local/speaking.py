"""Recordings spoken to her, frame by frame, through the very code that hears Discord."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from bot.local.report import TurnReport
from bot.local.room import LocalRoom, OnHappening, follow
from bot.local.wavs import HeardPcm, acoustic_end
from bot.voice.endpointing import SpeechStarted
from bot.voice.hearing import Commit, Hearing
from bot.voice.listening import Listener, SpokenTurn
from bot.voice.vad import SileroVad
from config.audio import FRAME_MS, HEARD_FRAME_SAMPLES, HEARD_RATE_HZ
from tasks.dispatch import NotSent

FRAME_SECONDS: Final = FRAME_MS / 1000
ROOM_SILENCE_SECONDS: Final = 3.0
"""Fed after a recording until its last utterance is over: longer than any pause that endpointing allows."""


class Microphone:
    """Feeds recordings to a listener and knows when each sample was spoken. One event loop."""

    def __init__(self, listener: Listener, *, realtime: bool) -> None:
        self._listener = listener
        self.realtime = realtime
        self._began_at = time.time()
        self._fed_samples = 0

    def spoken_at(self, sample: int) -> float:
        """Epoch seconds at which a sample was said: by the schedule of a real microphone, else when it was fed."""
        return self._began_at + sample / HEARD_RATE_HZ if self.realtime else time.time()

    async def play(self, pcm: HeardPcm) -> None:
        """One recording, then the silence of the room until nobody speaks any more."""
        # No time passes between two recordings.
        self._began_at = time.time() - self._fed_samples / HEARD_RATE_HZ
        for at in range(0, len(pcm), HEARD_FRAME_SAMPLES):
            await self._feed(pcm[at : at + HEARD_FRAME_SAMPLES])
        silence = np.zeros(HEARD_FRAME_SAMPLES, np.int16)
        for _ in range(int(ROOM_SILENCE_SECONDS / FRAME_SECONDS)):
            if not self._listener.is_open:
                break
            await self._feed(silence)
        else:
            self._listener.flush()
        await self._listener.settled()

    async def _feed(self, frame: HeardPcm) -> None:
        self._fed_samples += len(frame)
        if self.realtime:
            # A frame arrives when it is over, as from a microphone or a packet.
            due_at = self._began_at + self._fed_samples / HEARD_RATE_HZ
            await asyncio.sleep(max(0.0, due_at - time.time()))
        self._listener.feed(frame.tobytes())
        if not self.realtime:
            # Sound that comes faster than it was spoken must not run ahead of the judge.
            await self._listener.settled()


class Conversation:
    """Follows every turn that the listener takes. Is the listener's audience."""

    def __init__(self, on_happening: OnHappening) -> None:
        self._on_happening = on_happening
        self._turns: list[asyncio.Task[TurnReport]] = []
        self._not_sent: NotSent | None = None
        self.microphone: Microphone | None = None

    def speech_started(self, started: SpeechStarted) -> None:
        """Nothing to interrupt here: she is heard when all is said."""

    def turn_taken(self, spoken: SpokenTurn) -> None:
        if self.microphone is None:
            raise RuntimeError("a turn was taken before anything was said")
        commit = spoken.commit
        end_sample = commit.start_sample + acoustic_end(np.frombuffer(commit.pcm, "<i2"))
        report = TurnReport(
            spoken.live.turn.id,
            speech_ended_at=self.microphone.spoken_at(end_sample),
        )
        if self.microphone.realtime:
            # Sound comes in frames: nothing is known of its last window before the frame is there that completes it.
            decided_at = -(-commit.endpoint_sample // HEARD_FRAME_SAMPLES) * HEARD_FRAME_SAMPLES
            report.chosen_silence_seconds = (decided_at - end_sample) / HEARD_RATE_HZ
        report.mark("endpoint")
        self._turns.append(asyncio.create_task(self._follow(spoken, report)))

    def turn_not_sent(self, commit: Commit, cause: NotSent) -> None:
        self._not_sent = cause

    async def _follow(self, spoken: SpokenTurn, report: TurnReport) -> TurnReport:
        await follow(spoken.live, report, self._on_happening)
        return report

    async def reports(self) -> list[TurnReport]:
        """Of all turns taken so far, in order, when they are over. Raises NotSent, Missing."""
        turns, self._turns = self._turns, []
        reports = [await turn for turn in turns]
        if self._not_sent is not None:
            raise self._not_sent
        return reports


async def speak(
    room: LocalRoom, recordings: Sequence[HeardPcm], on_happening: OnHappening, *, realtime: bool
) -> list[TurnReport]:
    """Say the recordings one after the other, each after the answer to the one before.

    Raises NotSent, Missing.
    """
    conversation = Conversation(on_happening)
    reports: list[TurnReport] = []
    hearing = Hearing(SileroVad())
    async with Listener(room.turns, room.who, hearing, await room.judge(), conversation) as listener:
        conversation.microphone = Microphone(listener, realtime=realtime)
        for recording in recordings:
            await conversation.microphone.play(recording)
            reports += await conversation.reports()
    return reports
