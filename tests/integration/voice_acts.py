"""What people and Priya do in a voice channel, and that it comes through."""

import contextlib

import numpy as np
import numpy.typing as npt
import pytest

from bot.turns import Playable
from tests.discord.events import DaveExecuted
from tests.discord.people.person import Person
from tests.fakes.voice_packets import spoken, tone
from tests.integration.voice_seat import Stage

CHANGE_SECONDS = 2
"""Patience with a change of keys, which takes a few packets when nothing is wrong."""


def pitch_hz(samples: npt.NDArray[np.int16]) -> float:
    middle = samples[4000:-4000]
    return float(np.argmax(np.abs(np.fft.rfft(middle)))) * 16_000 / len(middle)


async def heard_whole(scene: Stage, person: Person, seconds: float = 1.0, pitch: float = 200) -> None:
    """She hears what this person says now, all of it, at its pitch."""
    before = len(scene.ears.samples(person.id))
    await person.speak(tone(seconds, pitch))
    await scene.ears.until(lambda: scene.ears.seconds(person.id) - before / 16_000 >= seconds)
    assert pitch_hz(scene.ears.samples(person.id)[before:]) == pytest.approx(pitch, abs=4)


def say(scene: Stage, seconds: float) -> None:
    speech = scene.seat.player.start("turn")
    speech.add(Playable(0, tuple(spoken(seconds)), None))
    speech.finish()


async def she_is_heard(scene: Stage, listener: Person, seconds: float = 0.4) -> None:
    """All that she says is."""
    before = listener.sounds_heard()
    say(scene, seconds)
    await listener.hears(before + round(seconds * 50))


async def she_comes_through(scene: Stage, listener: Person) -> None:
    """While keys change, a packet sealed with the old ones may be lost: until the first that is not."""
    before = listener.sounds_heard()
    for _ in range(CHANGE_SECONDS * 2):
        say(scene, 0.1)
        with contextlib.suppress(AssertionError):
            await listener.hears(before + 1, seconds=0.5)
            break
    else:
        raise AssertionError(f"nothing of hers came through for {CHANGE_SECONDS} s")
    await listener.hears_silence_of(0.3)


async def sealed_with(scene: Stage, person: Person, since: int = 0) -> None:
    """Until this person and she have the keys of one epoch."""
    both = {person.id, scene.home.bot.id}
    await scene.discord.journal.first(DaveExecuted, lambda event: both <= set(event.members), since=since)
