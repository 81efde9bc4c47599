"""What is measured in a voice channel, and the bars."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from tests.bench.figures import Figure


def broken(figures: Iterable[Figure]) -> list[str]:
    """What was promised and isn't so: bars that are missed, and bars without a value."""
    promised = (figure for figure in figures if figure.bar is not None and not figure.is_goal)
    barred = [figure for figure in promised if not figure.is_held]
    return [f"{figure.name}: {'missed' if figure.values else 'not measured'}" for figure in barred]


@dataclass(frozen=True, slots=True)
class Rows:
    """All that is measured here, in the order in which it is shown."""

    endpoint: Figure
    transcript: Figure
    first_words: Figure
    first_sentence: Figure
    first_segment: Figure
    first_packet: Figure
    vad: Figure
    pause: Figure
    barge_in: Figure
    backchannel: Figure
    backchannel_silence: Figure
    words_end_her: Figure
    words_answered: Figure
    stop: Figure
    stop_decided: Figure
    generation: Figure
    synthesis: Figure
    resting: Figure
    joined: Figure
    used: Figure
    busy: Figure
    lag: Figure
    lag_worst: Figure
    lag_worst_own: Figure
    lag_worst_stolen: Figure
    stalls: Figure

    @classmethod
    def empty(cls) -> "Rows":
        return cls(
            endpoint=Figure("it is clear that they have finished"),
            transcript=Figure("transcript"),
            first_words=Figure("first words"),
            first_sentence=Figure("first sentence"),
            first_segment=Figure("its sound"),
            first_packet=Figure("first packet that they hear", bar=900, bar_is_for_median=True),
            vad=Figure("first sound -> VAD decides", bar=150),
            pause=Figure("VAD decides -> she is silent", bar=40),
            barge_in=Figure("first sound -> she is silent", bar=190),
            backchannel=Figure("end of a backchannel -> she goes on", bar=700),
            backchannel_silence=Figure("her silence for it, its own length too", bar=700, is_goal=True),
            words_end_her=Figure("end of new words -> her answer is cancelled"),
            words_answered=Figure("end of new words -> first packet of the new answer"),
            stop=Figure("first sound of a stop word -> she is silent", bar=190, is_goal=True),
            stop_decided=Figure("end of a stop word -> her answer is cancelled"),
            generation=Figure("cancelled -> generation has stopped", bar=100),
            synthesis=Figure("cancelled -> synthesis has stopped", bar=100),
            resting=Figure("logged in", "MB", 150),
            joined=Figure("in a voice channel", "MB", 150),
            used=Figure("after all turns and interruptions", "MB", 150),
            busy=Figure("the whole bot while one person speaks", "%"),
            lag=Figure("99 % of its ticks are late by no more than"),
            lag_worst=Figure("the latest tick", bar=50),
            lag_worst_own=Figure("... of it the loop's own CPU time"),
            lag_worst_stolen=Figure("... of it taken by the host of this machine, at most"),
            stalls=Figure("ticks that were more than 50 ms late", "", bar=0),
        )

    def sections(self) -> dict[str, list[Figure]]:
        """By what the values are of."""
        rows = [getattr(self, row.name) for row in fields(self)]
        return {
            "On Discord: milliseconds from the end of speech": rows[:6],
            "On Discord: speaking over her, milliseconds": rows[6:17],
            "Memory of the bot, MB": rows[17:20],
            "CPU of the bot, % of one core": rows[20:21],
            "Event loop of the bot in all that time: ms, and how many": rows[21:],
        }
