"""Who has the floor, as a table: what happens, and what she does."""

import pytest

from bot.interjections import Interjection
from bot.voice.barge_in import (
    Action,
    Began,
    Floor,
    FloorEvent,
    Gone,
    NotUnderstood,
    Silent,
    Speaking,
    Taken,
    Thinking,
    Typed,
    Understood,
    WentOn,
)

ASHA, BEN = 1, 2
WORDS, STOP, BACKCHANNEL, NOTHING = (
    Interjection.WORDS,
    Interjection.STOP,
    Interjection.BACKCHANNEL,
    Interjection.NOTHING,
)
SHE_SPEAKS: list[FloorEvent] = [Thinking(ASHA), Speaking()]
SHE_THINKS: list[FloorEvent] = [Thinking(ASHA)]


def so_far(talk: int, kind: Interjection, *, is_for_her: bool = False) -> Understood:
    return Understood(talk, kind, is_for_her, is_over=False)


def all_said(talk: int, kind: Interjection, *, is_for_her: bool = False) -> Understood:
    return Understood(talk, kind, is_for_her, is_over=True)


def done(floor: Floor, events: list[FloorEvent]) -> list[Action]:
    return [action for event in events for action in floor.take(event)]


@pytest.mark.parametrize(
    ("events", "actions"),
    [
        # Over her, by the one whom she answers
        ([Began(1, ASHA), all_said(1, WORDS)], [Action.PAUSE, Action.END, Action.ANSWER]),
        ([Began(1, ASHA), all_said(1, STOP)], [Action.PAUSE, Action.HUSH, Action.IGNORE]),
        ([Began(1, ASHA), all_said(1, BACKCHANNEL)], [Action.PAUSE, Action.IGNORE, Action.RESUME]),
        ([Began(1, ASHA), all_said(1, NOTHING)], [Action.PAUSE, Action.IGNORE, Action.RESUME]),
        ([Began(1, ASHA), Gone(1)], [Action.PAUSE, Action.RESUME]),
        # Known before the end of the utterance is sure
        ([Began(1, ASHA), so_far(1, BACKCHANNEL)], [Action.PAUSE, Action.RESUME]),
        (
            [Began(1, ASHA), so_far(1, BACKCHANNEL), all_said(1, BACKCHANNEL)],
            [Action.PAUSE, Action.RESUME, Action.IGNORE],
        ),
        (
            [Began(1, ASHA), so_far(1, BACKCHANNEL), WentOn(1), all_said(1, WORDS)],
            [Action.PAUSE, Action.RESUME, Action.PAUSE, Action.END, Action.ANSWER],
        ),
        ([Began(1, ASHA), so_far(1, WORDS), all_said(1, WORDS)], [Action.PAUSE, Action.END, Action.ANSWER]),
        ([Began(1, ASHA), so_far(1, STOP), all_said(1, STOP)], [Action.PAUSE, Action.HUSH, Action.IGNORE]),
        (
            [Began(1, ASHA), so_far(1, STOP), WentOn(1), all_said(1, WORDS)],
            [Action.PAUSE, Action.HUSH, Action.ANSWER],
        ),
        # Nobody knows in time what was said
        ([Began(1, ASHA), NotUnderstood(1)], [Action.PAUSE, Action.RESUME]),
        (
            [Began(1, ASHA), NotUnderstood(1), all_said(1, WORDS)],
            [Action.PAUSE, Action.RESUME, Action.END, Action.ANSWER],
        ),
        (
            [Began(1, ASHA), NotUnderstood(1), Silent(), all_said(1, BACKCHANNEL)],
            [Action.PAUSE, Action.RESUME, Action.IGNORE],
        ),
        # Somebody else
        ([Began(1, BEN), all_said(1, WORDS)], [Action.PAUSE, Action.IGNORE, Action.RESUME]),
        ([Began(1, BEN), so_far(1, WORDS)], [Action.PAUSE, Action.RESUME]),
        ([Began(1, BEN), all_said(1, WORDS), Began(2, BEN)], [Action.PAUSE, Action.IGNORE, Action.RESUME]),
        (
            [Began(1, BEN), all_said(1, WORDS), Began(2, BEN), all_said(2, WORDS, is_for_her=True)],
            [Action.PAUSE, Action.IGNORE, Action.RESUME, Action.END, Action.ANSWER],
        ),
        ([Began(1, BEN), all_said(1, WORDS, is_for_her=True)], [Action.PAUSE, Action.END, Action.ANSWER]),
        ([Began(1, BEN), all_said(1, STOP)], [Action.PAUSE, Action.HUSH, Action.IGNORE]),
        # Two at once
        (
            [Began(1, ASHA), Began(2, BEN), all_said(1, BACKCHANNEL), all_said(2, NOTHING)],
            [Action.PAUSE, Action.IGNORE, Action.IGNORE, Action.RESUME],
        ),
        ([Began(1, ASHA), Began(2, BEN), Gone(2), Gone(1)], [Action.PAUSE, Action.RESUME]),
        # One person, again before it is known what they said first
        (
            [Began(1, ASHA), Began(2, ASHA), all_said(1, BACKCHANNEL), all_said(2, WORDS)],
            [Action.PAUSE, Action.IGNORE, Action.END, Action.ANSWER],
        ),
        # Typed
        ([Typed(ASHA, WORDS, is_for_her=False)], [Action.END]),
        ([Typed(BEN, WORDS, is_for_her=True)], [Action.END]),
        ([Typed(BEN, WORDS, is_for_her=False)], []),
        ([Typed(BEN, STOP, is_for_her=False)], [Action.HUSH]),
        ([Typed(ASHA, BACKCHANNEL, is_for_her=True)], []),
        ([Typed(ASHA, NOTHING, is_for_her=True)], []),
        ([Began(1, ASHA), Typed(ASHA, WORDS, is_for_her=False), Gone(1)], [Action.PAUSE, Action.END]),
    ],
)
def test_while_she_speaks(events: list[FloorEvent], actions: list[Action]) -> None:
    floor = Floor()
    done(floor, SHE_SPEAKS)
    assert done(floor, events) == actions


@pytest.mark.parametrize(
    ("events", "actions"),
    [
        # Whom she answers was not done
        ([Began(1, ASHA), all_said(1, WORDS)], [Action.END, Action.ANSWER]),
        ([Began(1, ASHA), all_said(1, STOP)], [Action.HUSH, Action.IGNORE]),
        ([Began(1, ASHA), all_said(1, BACKCHANNEL)], [Action.IGNORE]),
        ([Began(1, ASHA), Speaking(), all_said(1, WORDS)], [Action.PAUSE, Action.END, Action.ANSWER]),
        ([Began(1, ASHA), Speaking(), Gone(1)], [Action.PAUSE, Action.RESUME]),
        # Somebody else began before her first sound: a turn of their own
        ([Began(1, BEN), all_said(1, WORDS, is_for_her=True)], [Action.ANSWER]),
        (
            [Began(1, BEN), Speaking(), all_said(1, WORDS, is_for_her=True)],
            [Action.PAUSE, Action.ANSWER, Action.RESUME],
        ),
        ([Began(1, BEN), all_said(1, STOP)], [Action.IGNORE]),
        ([Began(1, BEN), all_said(1, STOP, is_for_her=True)], [Action.HUSH, Action.IGNORE]),
        ([Typed(ASHA, WORDS, is_for_her=False)], []),
        ([Typed(BEN, STOP, is_for_her=False)], [Action.HUSH]),
    ],
)
def test_while_she_thinks(events: list[FloorEvent], actions: list[Action]) -> None:
    floor = Floor()
    done(floor, SHE_THINKS)
    assert done(floor, events) == actions


@pytest.mark.parametrize(
    ("events", "actions"),
    [
        ([Began(1, ASHA), all_said(1, WORDS, is_for_her=True)], [Action.ANSWER]),
        ([Began(1, ASHA), all_said(1, BACKCHANNEL, is_for_her=True)], [Action.ANSWER]),
        ([Began(1, ASHA), all_said(1, WORDS)], [Action.IGNORE]),
        ([Began(1, ASHA), all_said(1, NOTHING, is_for_her=True)], [Action.IGNORE]),
        ([Began(1, ASHA), all_said(1, STOP)], [Action.IGNORE]),
        ([Began(1, ASHA), Taken(1)], []),
        ([all_said(7, WORDS, is_for_her=True)], [Action.IGNORE]),
        ([so_far(7, WORDS, is_for_her=True), WentOn(7), NotUnderstood(7), Gone(7)], []),
        ([Typed(BEN, STOP, is_for_her=False)], []),
    ],
)
def test_while_she_is_silent(events: list[FloorEvent], actions: list[Action]) -> None:
    assert done(Floor(), events) == actions


def test_talk_that_is_taken_without_a_look_does_not_hold_back_its_own_answer() -> None:
    floor = Floor()
    assert done(floor, [Began(1, ASHA), Taken(1), *SHE_SPEAKS]) == []


def test_who_spoke_to_others_silences_her_again_in_her_next_answer() -> None:
    floor = Floor()
    done(floor, [*SHE_SPEAKS, Began(1, BEN), all_said(1, WORDS), Silent(), *SHE_SPEAKS])
    assert floor.take(Began(2, BEN)) == [Action.PAUSE]


def test_a_long_story_between_others_makes_her_stutter_no_more_than_once() -> None:
    floor = Floor()
    done(floor, SHE_SPEAKS)
    story: list[FloorEvent] = [Began(1, BEN)]
    for _ in range(6):
        story += [so_far(1, WORDS), WentOn(1)]
    assert done(floor, [*story, all_said(1, WORDS)]) == [Action.PAUSE, Action.RESUME, Action.IGNORE]
    assert done(floor, [Began(2, BEN), all_said(2, STOP)]) == [Action.HUSH, Action.IGNORE]


def test_who_told_a_story_before_she_spoke_is_let_finish() -> None:
    floor = Floor()
    silent_yet: list[FloorEvent] = [Began(1, BEN), so_far(1, WORDS), WentOn(1)]
    asked: list[FloorEvent] = [Began(2, ASHA), all_said(2, WORDS, is_for_her=True)]
    assert done(floor, [*silent_yet, *asked, *SHE_SPEAKS]) == [Action.ANSWER, Action.PAUSE]
    assert done(floor, [all_said(1, WORDS)]) == [Action.IGNORE, Action.RESUME]


def test_what_somebody_who_talks_to_others_had_begun_before_does_not_hold_her() -> None:
    """A talk that was cut after half a minute is two; the second begins when the first is not understood yet."""
    floor = Floor()
    assert done(floor, [*SHE_SPEAKS, Began(1, BEN), Began(2, BEN)]) == [Action.PAUSE]
    assert done(floor, [all_said(1, WORDS)]) == [Action.IGNORE, Action.RESUME]


def test_the_rest_of_a_talk_ends_no_later_answer() -> None:
    """It ended the one that it was said over; what is said now is the answer to it, or somebody else's."""
    floor = Floor()
    done(floor, [*SHE_SPEAKS, Began(1, ASHA), so_far(1, WORDS), Thinking(BEN), Speaking()])
    assert done(floor, [all_said(1, WORDS)]) == [Action.ANSWER, Action.RESUME]


def test_it_is_known_whether_a_talk_began_in_silence() -> None:
    floor = Floor()
    floor.take(Began(1, ASHA))
    done(floor, SHE_SPEAKS)
    floor.take(Began(2, BEN))
    assert (floor.began_in_silence(1), floor.began_in_silence(2)) == (True, False)
