from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.voice.endpointing import (
    Discarded,
    Endpointer,
    EndpointRule,
    Paused,
    PauseHeld,
    Resumed,
    SpeechStarted,
    UtteranceEnded,
    VadWindow,
)
from tests.fakes.hearing import script

WINDOW = 512
RULE = EndpointRule()
SPEECH, SILENCE = 0.9, 0.05


def windows(milliseconds: int) -> int:
    return -(-milliseconds // 32)


GAP = windows(RULE.pause_ms)
PAUSE = windows(RULE.judge_ms)
TAIL = windows(RULE.tail_ms)
PREROLL = windows(RULE.preroll_ms)


def fed(endpointer: Endpointer, *stretches: tuple[int, float]) -> list[Any]:
    return [event for p in script(*stretches) for event in endpointer.feed(VadWindow(p, p))]


def paused(*, speech: int = 20, silence: int = PAUSE) -> tuple[Endpointer, Paused]:
    """It has heard 10 windows of silence, then speech, and stands in a pause of which the judge was asked."""
    endpointer = Endpointer(RULE)
    *_, pause, held = fed(endpointer, (10, SILENCE), (speech, SPEECH), (silence, SILENCE))
    assert isinstance(pause, Paused)
    assert held == PauseHeld(pause.pause_id, pause.start_sample)
    return endpointer, pause


def test_speech_starts_on_a_window_that_is_sure_and_keeps_the_preroll():
    endpointer = Endpointer(RULE)
    assert fed(endpointer, (30, SILENCE), (1, SPEECH)) == [SpeechStarted((30 - PREROLL) * WINDOW, 30 * WINDOW)]
    assert endpointer.needed_from_sample == (30 - PREROLL) * WINDOW


def test_preroll_does_not_reach_before_the_stream():
    endpointer = Endpointer(RULE)
    assert fed(endpointer, (2, SILENCE), (2, SPEECH)) == [SpeechStarted(0, 2 * WINDOW)]


def test_a_knock_of_one_window_that_may_be_speech_is_no_start():
    assert fed(Endpointer(RULE), *[(3, SILENCE), (1, RULE.start_together - SILENCE - 0.01)] * 10) == []


def test_a_start_of_one_window_is_given_up_when_nothing_follows():
    endpointer = Endpointer(RULE)
    events = fed(endpointer, (30, SILENCE), (1, SPEECH), (windows(RULE.discard_ms), SILENCE))
    assert [type(event) for event in events] == [SpeechStarted, Discarded]


def test_a_soft_beginning_is_noticed_and_a_murmur_is_not():
    assert fed(Endpointer(RULE), (50, RULE.start_probability - 0.01)) == []
    endpointer = Endpointer(RULE)
    assert fed(endpointer, (10, SILENCE), (1, RULE.start_probability)) == []
    assert fed(endpointer, (1, RULE.start_probability)) == [SpeechStarted((10 - PREROLL) * WINDOW, 10 * WINDOW)]


def test_a_soft_consonant_counts_as_the_first_window_of_speech():
    """Of "h" and "st" Silero is 0.2 to 0.4 sure: to leave it out would cut words off."""
    endpointer = Endpointer()
    assert fed(endpointer, (20, 0.05), (1, 0.25)) == []
    assert endpointer.is_open, "no time may be skipped now"
    events = fed(endpointer, (1, 0.61))
    assert [(type(event), event.speech_sample) for event in events] == [(SpeechStarted, 20 * WINDOW)]


def test_half_sure_windows_keep_speech_going():
    between = (RULE.speech_probability + RULE.silence_probability) / 2
    endpointer = Endpointer(RULE)
    events = fed(endpointer, (10, SPEECH), (50, between))
    assert [type(event) for event in events] == [SpeechStarted]


def test_the_first_short_silence_is_a_pause_with_speech_and_no_more_than_its_tail():
    endpointer, pause = paused()
    assert pause.start_sample == (10 - PREROLL) * WINDOW
    assert pause.speech_end_sample == 30 * WINDOW
    assert pause.end_sample == (30 + min(GAP, TAIL)) * WINDOW
    assert fed(endpointer, (1, SILENCE)) == [], "told once"


def test_transcription_begins_before_the_judge_is_asked():
    endpointer = Endpointer(RULE)
    fed(endpointer, (10, SILENCE), (20, SPEECH))
    assert [type(event) for event in fed(endpointer, (GAP, SILENCE))] == [Paused]
    assert fed(endpointer, (PAUSE - GAP - 1, SILENCE)) == []
    assert [type(event) for event in fed(endpointer, (1, SILENCE))] == [PauseHeld]


def test_the_gap_before_a_last_consonant_is_no_pause():
    """What was speculated is without the consonant, so it is void; the next pause offers all of it."""
    endpointer = Endpointer(RULE)
    events = fed(endpointer, (10, SILENCE), (20, SPEECH), (GAP, SILENCE), (1, SPEECH), (PAUSE, SILENCE))
    assert [type(event) for event in events] == [SpeechStarted, Paused, Resumed, Paused, PauseHeld]
    assert events[-2].speech_end_sample == (30 + GAP + 1) * WINDOW


@pytest.mark.parametrize(("verdict", "wait_ms"), [(0.99, 224), (0.9, 352), (0.5, 544), (0.2, 704), (0.01, 1100)])
def test_the_surer_the_judge_the_shorter_the_silence_that_ends_it(verdict, wait_ms):
    endpointer, pause = paused()
    assert endpointer.judge(verdict, pause.pause_id) == []
    assert fed(endpointer, (windows(wait_ms) - PAUSE - 1, SILENCE)) == []
    (ended,) = fed(endpointer, (1, SILENCE))
    assert isinstance(ended, UtteranceEnded)
    assert ended.reason == ("turn-complete" if verdict >= 0.5 else "silence")
    assert ended.pause_id == pause.pause_id
    assert (ended.start_sample, ended.speech_end_sample) == (pause.start_sample, pause.speech_end_sample)


def test_without_an_answer_silence_alone_ends_it():
    endpointer, pause = paused()
    assert fed(endpointer, (windows(RULE.unjudged_ms) - PAUSE - 1, SILENCE)) == []
    (ended,) = fed(endpointer, (1, SILENCE))
    assert (ended.reason, ended.pause_id) == ("silence", pause.pause_id)


def test_an_answer_that_comes_when_it_is_time_ends_it_at_once():
    endpointer, pause = paused()
    fed(endpointer, (windows(400) - PAUSE, SILENCE))
    ended: Any
    (ended,) = endpointer.judge(0.99, pause.pause_id)
    assert ended.reason == "turn-complete"
    assert endpointer.judge(0.99, pause.pause_id) == []
    assert not endpointer.is_open


def test_an_answer_about_a_pause_that_is_over_is_ignored():
    endpointer, first = paused()
    events = fed(endpointer, (10, SPEECH), (PAUSE, SILENCE))
    assert [type(event) for event in events] == [Resumed, Paused, PauseHeld]
    assert events[0].pause_id == first.pause_id != events[1].pause_id
    assert endpointer.judge(0.99, first.pause_id) == []
    assert fed(endpointer, (windows(352) - PAUSE, SILENCE)) == []
    assert endpointer.judge(0.99, 77) == []


def test_the_pause_after_a_resumed_one_offers_the_whole_utterance():
    endpointer, first = paused()
    *_, second, _ = fed(endpointer, (10, SPEECH), (PAUSE, SILENCE))
    assert second.start_sample == first.start_sample
    assert second.speech_end_sample == (30 + PAUSE + 10) * WINDOW


def test_one_window_of_speech_in_a_pause_neither_ends_nor_prolongs_it():
    endpointer, pause = paused()
    assert endpointer.judge(0.99, pause.pause_id) == []
    left = windows(224) - PAUSE
    assert fed(endpointer, (1, SPEECH), (left - 2, SILENCE)) == []
    (ended,) = fed(endpointer, (1, SILENCE))
    assert ended.speech_end_sample == pause.speech_end_sample


def test_it_never_ends_on_a_window_of_speech():
    endpointer, pause = paused()
    fed(endpointer, (windows(224) - PAUSE - 1, SILENCE))
    assert fed(endpointer, (1, SPEECH)) == []
    assert endpointer.judge(0.99, pause.pause_id) == []
    assert [type(event) for event in fed(endpointer, (1, SPEECH))] == [Resumed]


def test_a_cough_is_discarded_without_a_transcription():
    endpointer = Endpointer(RULE)
    events = fed(endpointer, (10, SILENCE), (windows(RULE.min_speech_ms) - 1, SPEECH), (40, SILENCE))
    assert [type(event) for event in events] == [SpeechStarted, Discarded]
    assert not endpointer.is_open


def test_a_short_word_is_not_discarded():
    events = fed(Endpointer(RULE), (10, SILENCE), (windows(RULE.min_speech_ms), SPEECH), (40, SILENCE))
    assert [type(event) for event in events] == [SpeechStarted, Paused, PauseHeld, UtteranceEnded]


def test_a_stammer_is_joined_with_the_word_that_follows():
    events = fed(Endpointer(RULE), (10, SILENCE), (3, SPEECH), (5, SILENCE), (12, SPEECH), (40, SILENCE))
    assert [type(event) for event in events] == [SpeechStarted, Paused, PauseHeld, UtteranceEnded]
    assert events[-1].start_sample == (10 - PREROLL) * WINDOW


def test_the_next_utterance_does_not_begin_with_the_end_of_the_last():
    endpointer, pause = paused()
    endpointer.judge(0.99, pause.pause_id)
    (ended,) = fed(endpointer, (windows(224) - PAUSE, SILENCE))
    (started,) = fed(endpointer, (2, SPEECH))
    assert started.start_sample == ended.end_sample


def test_long_speech_is_cut_at_the_quietest_place_and_goes_on():
    endpointer = Endpointer(RULE)
    limit = RULE.max_utterance_ms // 32
    quiet = limit - 60
    heard: list[Any] = []
    for index in range(limit + 40):
        loudness = 0.1 if abs(index - quiet) <= 1 else 5.0
        heard += endpointer.feed(VadWindow(SPEECH, loudness))
    heard += fed(endpointer, (40, SILENCE))
    assert [type(e) for e in heard] == [SpeechStarted, UtteranceEnded, SpeechStarted, Paused, PauseHeld, UtteranceEnded]
    _, cut, goes_on, _, _, end = heard
    assert (cut.reason, cut.pause_id) == ("too-long", None)
    assert cut.end_sample == quiet * WINDOW
    assert goes_on == SpeechStarted(cut.end_sample, cut.end_sample, continues=True)
    assert end.start_sample == cut.end_sample


def test_the_limit_inside_a_pause_ends_there_with_its_speculation():
    endpointer = Endpointer(RULE)
    limit = RULE.max_utterance_ms // 32
    events = fed(endpointer, (limit - 4, SPEECH), (4, SILENCE))
    assert [type(event) for event in events] == [SpeechStarted, Paused, PauseHeld, UtteranceEnded]
    assert (events[-1].reason, events[-1].pause_id) == ("too-long", events[-3].pause_id)


def test_the_limit_in_the_gap_before_a_consonant_cuts_elsewhere():
    endpointer = Endpointer(RULE)
    limit = RULE.max_utterance_ms // 32
    events = fed(endpointer, (limit - GAP, SPEECH), (GAP, SILENCE))
    assert [type(event) for event in events] == [SpeechStarted, Paused, Resumed, UtteranceEnded, SpeechStarted]
    *_, pause, resumed, cut, goes_on = events
    assert resumed.pause_id == pause.pause_id
    assert (cut.reason, cut.pause_id) == ("too-long", None)
    assert goes_on.continues


def test_the_end_of_the_stream_ends_what_is_open():
    endpointer = Endpointer(RULE)
    fed(endpointer, (20, SPEECH))
    ended: Any
    (ended,) = endpointer.flush()
    assert (ended.reason, ended.end_sample) == ("stream-ended", 20 * WINDOW)
    assert endpointer.flush() == []

    fed(endpointer, (4, SPEECH))
    assert [type(event) for event in endpointer.flush()] == [Discarded]


def test_time_passes_without_windows_only_between_utterances():
    endpointer = Endpointer(RULE)
    endpointer.skip(100)
    (started,) = fed(endpointer, (2, SPEECH))
    assert started.start_sample == 100 * WINDOW
    with pytest.raises(ValueError, match="inside an utterance"):
        endpointer.skip(1)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), max_size=25),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_whatever_is_heard_utterances_never_overlap_and_keep_their_bounds(stretches, verdicts):
    endpointer = Endpointer(RULE)
    events: list[Any] = []
    running, asked = None, 0
    for probability in script(*stretches):
        told: list[Any] = [*endpointer.feed(VadWindow(probability, probability))]
        if any(isinstance(event, PauseHeld) for event in told):
            asked += 1
            told += endpointer.judge(verdicts[asked % len(verdicts)], told[-1].pause_id)
        events += told
    events += endpointer.flush()

    last_end, is_open = 0, False
    for event in events:
        match event:
            case SpeechStarted():
                assert not is_open
                assert event.start_sample >= last_end
                is_open, running = True, None
            case Paused():
                assert is_open
                assert running is None
                running = event.pause_id
            case PauseHeld():
                assert running == event.pause_id
            case Resumed():
                assert running == event.pause_id
                running = None
            case UtteranceEnded():
                assert is_open
                assert event.pause_id == running
                assert event.start_sample < event.speech_end_sample <= event.end_sample
                assert event.end_sample - event.start_sample <= 30 * 16_000
                last_end, is_open, running = event.end_sample, False, None
            case Discarded():
                assert is_open
                assert running is None
                is_open = False
    assert not is_open
