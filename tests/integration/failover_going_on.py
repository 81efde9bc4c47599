"""Situations of an answer whose engine dies in the middle: who goes on from the words that were said."""

from tests.fakes.providers import Close, Silence, breaks_off, fails, goes_on, never_answers, says
from tests.fakes.providers import Pause as Wait
from tests.fakes.providers.script import Answer, Asked, Finish, words
from tests.integration.failover_races import HALF, RESET, SENTENCE
from tests.integration.failover_room import ANSWER, Peer
from tests.integration.failover_situation import Situation
from workers.errors import EngineTimeout, EngineUnavailable
from workers.failover.ledger import Record


def breaks_once(asked: Asked) -> Answer:
    """Well again when it is asked to go on."""
    return goes_on(ANSWER)(asked) if asked.said_of(ANSWER) else breaks_off(SENTENCE, *RESET)


SITUATIONS = (
    Situation(
        name="the next goes on from the words that were said",
        peers={"first": Peer(script=breaks_off(SENTENCE, *RESET)), "second": Peer(script=goes_on(ANSWER))},
        by=("first", "second"),
        counted=(("failed", "first"), ("succeeded", "second")),
        errors={"first": EngineUnavailable},
    ),
    Situation(
        name="the next says the last sentence again and nobody hears it twice",
        peers={"first": Peer(script=breaks_off(SENTENCE, Close())), "second": Peer(script=says(ANSWER))},
        by=("first", "second"),
    ),
    Situation(
        name="the next begins anew in the middle of a sentence and nobody hears that",
        peers={"first": Peer(script=breaks_off(HALF, *RESET)), "second": Peer(script=says(ANSWER))},
        by=("first", "second"),
    ),
    Situation(
        name="the next repeats two sentences before it goes on",
        peers={
            "first": Peer(script=breaks_off("My day was long and good. I met Asha at the market.", *RESET)),
            "second": Peer(script=says(ANSWER)),
        },
        by=("first", "second"),
    ),
    Situation(
        name="three share one answer",
        peers={
            "first": Peer(script=breaks_off(SENTENCE, *RESET)),
            "second": Peer(script=breaks_off("I met Asha at the market.", *RESET)),
            "third": Peer(script=goes_on(ANSWER)),
        },
        by=("first", "second", "third"),
        counted=(("failed", "first"), ("failed", "second"), ("succeeded", "third")),
    ),
    Situation(
        name="one who falls silent in the middle is taken over from",
        peers={"first": Peer(script=breaks_off(SENTENCE, Silence())), "second": Peer(script=goes_on(ANSWER))},
        longest_silence_seconds=0.5,
        by=("first", "second"),
        not_before_seconds={"second": 0.5},
        cancelled=("first",),
        errors={"first": EngineTimeout},
    ),
    Situation(
        name="one who breaks behind its last word needs no other words",
        peers={"first": Peer(script=breaks_off(ANSWER, Close())), "second": Peer(script=Answer(steps=(Finish(),)))},
        by=("first",),
    ),
    Situation(
        name="nobody can go on",
        peers={"first": Peer(script=breaks_off(HALF, Close())), "second": Peer(script=fails(400))},
        answer=HALF,
        by=("first",),
        fails_after=True,
        causes=("second: 400",),
    ),
    Situation(
        name="pauses between words that are no silence change nothing",
        peers={
            "first": Peer(script=Answer(steps=(*words(HALF), Wait(20), *words(f"x {ANSWER[20:]}")[1:], Finish()))),
            "second": Peer(),
        },
        by=("first",),
        asked={"second": 0},
    ),
    Situation(
        name="whoever broke is asked again when the only other one hangs",
        peers={"first": Peer(script=breaks_once), "second": Peer(script=never_answers())},
        by=("first",),
        asked={"first": 2, "second": 1},
        cancelled=("second",),
    ),
    Situation(
        name="whoever broke is asked again before those who rest",
        peers={"first": Peer(script=breaks_once), "second": Peer(script=fails(400)), "third": Peer()},
        records={"third": Record(rests_for_seconds=9, why="failed")},
        by=("first",),
        asked={"first": 2, "second": 1, "third": 0},
    ),
)
