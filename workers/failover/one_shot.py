"""Failover for hearing and speaking: the race that language runs, over engines that make one whole thing."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from config.audio import HEARD_RATE_HZ
from config.emotions import NEUTRAL, Emotion
from workers.engines import Pcm, Speech, Transcript
from workers.failover.race import Broke, Lost, Race
from workers.failover.roster import Roster
from workers.lineup import NoEngine
from workers.registry import Stage


@dataclass(frozen=True, slots=True, eq=False)
class ToHear:
    """What a Transcriber is given."""

    speech: Pcm
    language: str | None

    @property
    def seconds(self) -> float:
        return len(self.speech) / HEARD_RATE_HZ


@dataclass(frozen=True, slots=True)
class ToSay:
    """What a Synthesizer is given."""

    sentence: str
    language: str
    emotion: Emotion


def first_made[Request, Item](
    stage: Stage, roster: Roster[Request, Item], request: Request, is_usable: Callable[[Item], bool]
) -> Item:
    """What the first makes that can. Raises NoEngine naming each cause, and BadInput."""
    try:
        with closing(Race(roster.line(), request, is_usable=lambda made, _: is_usable(made[-1])).run()) as items:
            return next(item for item in items if item is not None)
    except (Lost, Broke) as nobody:
        raise NoEngine(stage, str(nobody)) from nobody


class FailoverTranscriber:
    """Transcriber over a roster. Any thread."""

    name = "failover"

    def __init__(self, roster: Roster[ToHear, Transcript]) -> None:
        self._roster = roster

    def transcribe(self, speech: Pcm, *, language: str | None = None) -> Transcript:
        """See Transcriber; ``engine`` of the transcript tells who heard it. Raises NoEngine and BadInput."""
        return first_made("transcribe", self._roster, ToHear(speech, language), lambda _: True)


class FailoverSynthesizer:
    """Synthesizer over a roster. Any thread."""

    name = "failover"

    def __init__(self, roster: Roster[ToSay, Speech]) -> None:
        self._roster = roster

    def preferring(self, voice: str) -> "FailoverSynthesizer | None":
        """The same, with the provider of that name first; None when there is none."""
        roster = self._roster.preferring(voice)
        return None if roster is None else FailoverSynthesizer(roster)

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        """See Synthesizer; ``engine`` of the speech tells who spoke it. Raises NoEngine and BadInput."""
        return first_made("synthesize", self._roster, ToSay(sentence, language, emotion), lambda _: True)
