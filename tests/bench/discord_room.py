"""How long people in a voice channel wait for Priya, and how soon she is silent for them.

The real bot, with a stopwatch (timed_bot.py), on the running stack, in a simulated Discord with end-to-end encryption
and lost packets. All times are those of the person: from the sound in their room to the packet at their client.
"""

import asyncio
import contextlib
import os
import random
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Final

import psutil
from rich.console import Console
from rich.progress import track

from bot.voice.remembered_rooms import RememberedRooms
from config.settings import Settings
from tasks.connections import connect_async
from tasks.history import forget
from tasks.messages import Heard, Message, ReplyEnded, Segment, SegmentBegun, Sentence, StageName, TurnDropped, Words
from tests.bench.discord_rows import Rows
from tests.bench.figures import Figure
from tests.bench.phrases import recordings
from tests.bench.saying import FRAME_SECONDS, Saying, Spoken, pause_after, sounds
from tests.bench.timed_bot import Mark, marks_in
from tests.bench.voice_load import BAR_PERCENT, HEARD_PERCENT, SECONDS, loads
from tests.discord.events import RequestMade
from tests.e2e.evening import ANSWER_SECONDS, BOT, QUIET_SECONDS, Evening, an_evening
from workers.engines import Synthesizer
from workers.registry import loader

SOUND: Final = SegmentBegun | Segment
COMPLAINTS: Final = ("ERROR", "CRITICAL", "The event loop was")
LAG: Final = re.compile(
    r"event loop was at most (\d+) ms late \((\d+) ms of them its own .* up to (\d+) ms taken by the host\); "
    r"99 % of \d+ ticks within (\d+) ms, (\d+) more than 50"
)
"""The last line of ``bot/process.py``."""
LOSS: Final = 0.02
TURNS_A_CONVERSATION: Final = 5
SETTLE_SECONDS: Final = 3.0
"""Until memory is looked at: what starting needed is given back."""
INTO_HER_ANSWER: Final = 25
"""Packets of her answer that are heard before she is interrupted: half a second."""
MOST_UNEVEN_SECONDS: Final = 0.1
"""People don't begin to speak in step with her packets."""

STORIES: Final = (
    "Please tell me a long story about your village.",
    "Explain to me slowly how one cooks rice.",
    "Tell me everything that you did today.",
)
BACKCHANNELS: Final = ("Okay.", "Hmm, okay.", "Yeah.", "Yes.", "Oh, okay.")
NEW_WORDS: Final = ("What is the name of your sister?", "I have to buy a birthday present.", "Do you like the rain?")
STOPS: Final = ("Stop, stop.", "Wait, wait.", "Stop.")


@dataclass(frozen=True, slots=True)
class RunningStack:
    """The stack that the settings point to."""

    settings: Settings

    def environment(self, **more: str) -> dict[str, str]:
        # Voice detection's threads are chosen before numpy is loaded, as bot/__main__.py does it.
        ours = {"REDIS_URL": self.settings.broker_url, "LOG_FILE": "", "OPENBLAS_NUM_THREADS": "1"}
        return {**os.environ, **ours, **more}


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the workers, by Redis's clock brought to ours (``time.monotonic()``, to the millisecond)."""

    at: float
    event: Message


@dataclass(frozen=True, slots=True)
class Gathering:
    """Where Asha sits with Priya."""

    evening: Evening
    marks_file: Path
    rows: Rows
    console: Console
    chance: random.Random

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.evening.bot.process.pid)

    def memory(self, figure: Figure) -> None:
        figure.add(self.process.memory_info().rss / 2**20)

    def marks(self, name: str, since: float) -> list[Mark]:
        return [mark for mark in marks_in(self.marks_file) if mark.name == name and mark.at >= since]

    async def happened(self, since: float) -> list[Happened]:
        """All that the workers told the bot since then."""
        clocks_apart = time.time() - time.monotonic()
        redis = self.evening.redis
        found: list[Happened] = []
        async for stream in redis.scan_iter("replies:*"):
            entries: Any = await redis.xrange(stream, min=int((since + clocks_apart) * 1000))
            for entry_id, entry in entries:
                at = int(entry_id.split(b"-")[0]) / 1000 - clocks_apart
                found.append(Happened(at, Message.from_json(entry[b"event"])))
        return found

    async def hush(self) -> None:
        """So that the next round begins in silence and knows nothing of this one."""
        evening = self.evening
        await evening.asha.write(evening.room, "ruko")
        await evening.asha.hears_silence_of(1.0)

    async def begin_anew(self) -> None:
        await forget(self.evening.redis, f"discord:{self.evening.room.id}")

    def skip(self, what: str, why: str) -> None:
        self.console.print(f"[yellow]not counted: {what!r}: {why}")


@asynccontextmanager
async def a_gathering(
    settings: Settings, rows: Rows, console: Console, loss: float, seed: int
) -> AsyncIterator[Gathering]:
    voice: Synthesizer = loader("synthesize", "hibari")(settings)  # type: ignore[assignment]
    redis = connect_async(settings.broker_url)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            marks, log = Path(folder, "marks"), Path(folder, "bot.log")
            command = [BOT[0], "-m", "tests.bench.timed_bot", str(marks)]
            async with an_evening(RunningStack(settings), voice, redis, log, seed, command) as evening:
                faults = evening.discord.voice.faults
                faults.downlink.loss = faults.uplink.loss = loss
                gathering = Gathering(evening, marks, rows, console, random.Random(seed))
                await asyncio.sleep(SETTLE_SECONDS)
                gathering.memory(rows.resting)
                await evening.sit_down(evening.asha)
                await asyncio.sleep(SETTLE_SECONDS)
                gathering.memory(rows.joined)
                try:
                    yield gathering
                finally:
                    await RememberedRooms(redis).forget(evening.guild.id)
                gathering.memory(rows.used)
                await gathering.begin_anew()
                mark = evening.discord.journal.mark()
                await evening.asha.write(evening.general, "!leave")
                with contextlib.suppress(AssertionError):  # she may have no nickname to give back
                    await evening.discord.journal.first(RequestMade, _renames, since=mark, seconds=SETTLE_SECONDS)
            console.print(*_complaints(log), sep="\n")
            note_lag(rows, _text(log))
    finally:
        await redis.aclose()


def note_lag(rows: Rows, log: str) -> None:
    """What the bot says of its event loop when it ends."""
    told = LAG.search(log)
    if told is not None:
        figures = (rows.lag_worst, rows.lag_worst_own, rows.lag_worst_stolen, rows.lag, rows.stalls)
        for figure, value in zip(figures, told.groups(), strict=True):
            figure.add(float(value))


def _renames(request: RequestMade) -> bool:
    return request.method == "PATCH" and "/members/@me" in request.path


def _text(log: Path) -> str:
    return log.read_text(errors="replace")


def _complaints(log: Path) -> list[str]:
    lines = _text(log).splitlines()
    return [f"[yellow]the bot: {line[:1000]}" for line in lines if any(word in line for word in COMPLAINTS)]


# A turn.


async def a_turn(gathering: Gathering, saying: Saying) -> None:
    """Somebody says something, and hears the answer."""
    asha = gathering.evening.asha
    known = len(sounds(asha.heard()))
    cpu, began = sum(gathering.process.cpu_times()[:2]), time.monotonic()
    spoken = await saying.said_by(asha)
    busy = (sum(gathering.process.cpu_times()[:2]) - cpu) / (time.monotonic() - began)
    try:
        heard = await asha.hears(known + 1, seconds=ANSWER_SECONDS)
    except AssertionError as nothing:
        gathering.skip(saying.text, str(nothing))
        return
    first = sounds(heard)[known]
    await asha.hears_silence_of(QUIET_SECONDS)
    if first < spoken.ended_at:
        gathering.skip(saying.text, "she answered before its end")
        return
    gathering.rows.busy.add(100 * busy)
    gathering.rows.first_packet.add(1000 * (first - spoken.ended_at))
    await _note_the_way(gathering, spoken, first)


async def _note_the_way(gathering: Gathering, spoken: Spoken, first: float) -> None:
    """When each part of the answer was there."""
    rows, zero = gathering.rows, spoken.ended_at
    happened = await gathering.happened(spoken.began_at)
    answered = next((told.event.turn.id for told in happened if isinstance(told.event, SOUND)), None)
    of_turn = [told for told in happened if told.event.turn.id == answered]
    ends = [mark.at for mark in gathering.marks("endpoint", spoken.began_at) if mark.at <= first]
    if ends:
        rows.endpoint.add(1000 * (ends[-1] - zero))
    firsts = {
        Heard: rows.transcript,
        Words: rows.first_words,
        Sentence: rows.first_sentence,
        SOUND: rows.first_segment,
    }
    for kind, figure in firsts.items():
        at = next((told.at for told in of_turn if isinstance(told.event, kind)), None)
        if at is not None:
            figure.add(1000 * (at - zero))


# An interruption.


async def an_interruption(gathering: Gathering, story: str, saying: Saying) -> tuple[Spoken, float, float] | None:
    """She is asked for a long answer and somebody speaks into it. When they spoke, when her last packet before the
    pause came, and when the answer's first did; None when there was no pause to measure."""
    evening = gathering.evening
    asha = evening.asha
    known = len(sounds(asha.heard()))
    await Saying.by(evening.voice, story).said_by(asha)
    try:
        await asha.hears(known + INTO_HER_ANSWER, seconds=ANSWER_SECONDS)
    except AssertionError as nothing:
        gathering.skip(story, str(nothing))
        return None
    began = sounds(asha.heard())[known]
    await asyncio.sleep(gathering.chance.uniform(0.0, MOST_UNEVEN_SECONDS))
    spoken = await saying.said_by(asha)
    await asyncio.sleep(max(0.0, spoken.ended_at + QUIET_SECONDS - time.monotonic()))
    paused = pause_after(sounds(asha.heard()), spoken.began_at)
    decided = [mark.at for mark in gathering.marks("vad", spoken.began_at)]
    if paused is None or not decided:
        gathering.skip(saying.text, "she was silent already" if decided else "the VAD heard nothing")
        return None
    gathering.rows.vad.add(1000 * (decided[0] - spoken.began_at))
    silent_at = paused[0] + FRAME_SECONDS
    gathering.rows.pause.add(1000 * (silent_at - decided[0]))
    gathering.rows.barge_in.add(1000 * (silent_at - spoken.began_at))
    return spoken, paused[0], began


async def a_backchannel(gathering: Gathering, story: str, saying: Saying) -> None:
    interrupted = await an_interruption(gathering, story, saying)
    if interrupted is not None:
        spoken, last, _ = interrupted
        resumed = [mark.at for mark in gathering.marks("resume", spoken.began_at)]
        following = [at for at in sounds(gathering.evening.asha.heard()) if at > last]
        if resumed and following:
            gathering.rows.backchannel.add(1000 * (following[0] - spoken.ended_at))
            gathering.rows.backchannel_silence.add(1000 * (following[0] - last - FRAME_SECONDS))
        else:
            gathering.skip(saying.text, await _understood(gathering, spoken.began_at))
    await gathering.hush()


async def new_words(gathering: Gathering, story: str, saying: Saying) -> None:
    interrupted = await an_interruption(gathering, story, saying)
    if interrupted is not None:
        spoken, last, began = interrupted
        stopped = gathering.marks("stop", spoken.began_at)
        if stopped:
            gathering.rows.words_end_her.add(1000 * (stopped[0].at - spoken.ended_at))
            await _note_the_end(gathering, began)
            heard = gathering.evening.asha.heard()
            if not any(at > spoken.ended_at for at in sounds(heard)):
                await gathering.evening.asha.hears(len(sounds(heard)) + 1, seconds=ANSWER_SECONDS)
            answered = next(at for at in sounds(heard) if at > max(last, spoken.ended_at))
            gathering.rows.words_answered.add(1000 * (answered - spoken.ended_at))
        else:
            gathering.skip(saying.text, await _understood(gathering, spoken.began_at))
    await gathering.hush()


async def a_stop_word(gathering: Gathering, story: str, saying: Saying) -> None:
    interrupted = await an_interruption(gathering, story, saying)
    if interrupted is not None:
        spoken, last, began = interrupted
        stopped = gathering.marks("stop", spoken.began_at)
        if not stopped or any(at > last for at in sounds(gathering.evening.asha.heard())):
            gathering.skip(saying.text, await _understood(gathering, spoken.began_at))
        else:
            gathering.rows.stop.add(1000 * (last + FRAME_SECONDS - spoken.began_at))
            gathering.rows.stop_decided.add(1000 * (stopped[0].at - spoken.ended_at))
            await _note_the_end(gathering, began)
    await gathering.hush()


async def a_typed_stop(gathering: Gathering, story: str) -> None:
    """With the first packet of her answer, when it is still being written."""
    evening = gathering.evening
    known = len(sounds(evening.asha.heard()))
    await Saying.by(evening.voice, story).said_by(evening.asha)
    await evening.asha.hears(known + 1, seconds=ANSWER_SECONDS)
    began = sounds(evening.asha.heard())[known]
    await evening.asha.write(evening.room, "ruko")
    await evening.asha.hears_silence_of(QUIET_SECONDS)
    await _note_the_end(gathering, began)


async def _note_the_end(gathering: Gathering, began: float) -> None:
    """From the cancellation of her turn to the last that generate and synthesize did about it. A turn that was written
    to its end before isn't counted."""
    rows = gathering.rows
    for cancel in gathering.marks("cancel", began):
        after = [told for told in await gathering.happened(cancel.at) if told.event.turn.id == cancel.turn]
        written = [told.at for told in after if _is_of(told.event, "generate", Words | Sentence | ReplyEnded)]
        spoken = [told.at for told in after if _is_of(told.event, "synthesize", SOUND)]
        if written:
            rows.generation.add(1000 * (max(written) - cancel.at))
            rows.synthesis.add(1000 * (max(spoken, default=cancel.at) - cancel.at))


def _is_of(event: Message, stage: StageName, kinds: type[Message] | UnionType) -> bool:
    """Made by the stage, or its last word about a turn that nobody wants."""
    return isinstance(event, kinds) or (isinstance(event, TurnDropped) and event.stage == stage)


async def _understood(gathering: Gathering, since: float) -> str:
    heard = [told.event.text for told in await gathering.happened(since) if isinstance(told.event, Heard)]
    return f"she understood {heard}"


# Everything.


def listening(seconds: int = SECONDS) -> list[Figure]:
    """What hearing costs, and what it does to the event loop."""
    measured = loads(seconds)
    people = [f"{load.speakers} at once who never pause" for load in measured]
    cost = [
        Figure(f"hearing {who}, for each", "%", BAR_PERCENT, values=[load.each_percent])
        for who, load in zip(people, measured, strict=True)
    ]
    lag = [
        figure
        for who, load in zip(people, measured, strict=True)
        for figure in (
            Figure(f"hearing {who}: not heard of it", "%", 100 - HEARD_PERCENT, values=[load.unheard_percent]),
            Figure(f"hearing {who}: the loop's lag, worst", "ms", 50.0, values=[load.lag_worst_ms]),
            Figure(f"hearing {who}: stalls of more than 50 ms", "", 0.0, values=[float(load.stalls)]),
        )
    ]
    return cost + lag


async def sit_with_her(
    settings: Settings, turns: int, interruptions: int, loss: float, console: Console, seed: int | None = None
) -> Rows:
    """``interruptions`` of each kind."""
    rows = Rows.empty()
    said = [Saying.of(text, pcm) for text, pcm in recordings(settings, turns)]
    if seed is None:
        # A new guild: in that of a benchmark that was broken off she would be in the channel before she is asked.
        seed = time.time_ns() % 2**32
    console.print(f"seed of people, channels and mishaps: {seed}")
    async with a_gathering(settings, rows, console, loss, seed) as gathering:
        await gathering.begin_anew()
        for index, saying in enumerate(track(said, "turns on Discord", console=console)):
            if index % TURNS_A_CONVERSATION == 0:
                await gathering.begin_anew()
            await a_turn(gathering, saying)
        await _interrupt(gathering, range(interruptions))
    return rows


async def _interrupt(gathering: Gathering, rounds: Iterable[int]) -> None:
    voice = gathering.evening.voice
    kinds = ((a_backchannel, BACKCHANNELS), (new_words, NEW_WORDS), (a_stop_word, STOPS))
    for index in track(rounds, "interruptions", console=gathering.console):
        story = STORIES[index % len(STORIES)]
        for interrupt, texts in kinds:
            await gathering.begin_anew()
            await interrupt(gathering, story, Saying.by(voice, texts[index % len(texts)]))
        await gathering.begin_anew()
        await a_typed_stop(gathering, story)
