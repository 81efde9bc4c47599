from functools import cache
from typing import Any

import numpy as np
import pytest
import soxr
from hibari import Hibari
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.voice.endpointing import Discarded, EndpointRule, SpeechStarted
from bot.voice.hearing import AskTurn, CancelSpeculation, Commit, Hearing, StartSpeculation
from bot.voice.vad import SileroVad
from tests.fakes.hearing import FRAME_BYTES, RATE_HZ, ScriptedJudge, ScriptedSpeech, listen, script, to_pcm

type Heard = list[tuple[int, Any]]

WINDOW_BYTES = 1024
RULE = EndpointRule()


def numbered(windows: int) -> bytes:
    """Sound in which every window can be told from every other."""
    return np.repeat(np.arange(windows, dtype="<i2"), 512).tobytes()


def numbers(pcm: bytes) -> list[int]:
    return [int(n) for n in np.frombuffer(pcm, "<i2")[::512]]


def kinds(heard: Heard) -> list[type]:
    return [type(action) for _, action in heard]


def only(heard: Heard, kind: type) -> list[Any]:
    return [action for _, action in heard if isinstance(action, kind)]


SAID = script((20, 0.0), (20, 0.9), (60, 0.0))


def test_one_utterance_is_speculated_judged_and_committed_with_the_same_sound():
    judge = ScriptedJudge(0.99)
    heard = listen(Hearing(ScriptedSpeech(SAID)), numbered(100), judge)

    assert kinds(heard) == [SpeechStarted, StartSpeculation, AskTurn, Commit]
    _, speculation, question, commit = (action for _, action in heard)
    assert numbers(speculation.pcm) == list(range(12, 41))
    assert numbers(question.pcm) == list(range(12, 42)), "a window later"
    assert commit.pcm[: len(speculation.pcm)] == speculation.pcm
    assert len(commit.pcm) - len(speculation.pcm) <= 2 * WINDOW_BYTES, "nothing but the last of the tail"
    assert commit.pause_id == speculation.pause_id
    assert commit.speech_end_sample == 40 * 512
    assert commit.endpoint_sample == 47 * 512
    assert commit.reason == "turn-complete"


def test_speech_that_resumes_cancels_the_speculation_and_the_next_has_all():
    probabilities = script((20, 0.0), (20, 0.9), (5, 0.0), (20, 0.9), (60, 0.0))
    heard = listen(Hearing(ScriptedSpeech(probabilities)), numbered(125), ScriptedJudge(0.01, 0.99))

    assert kinds(heard) == [
        SpeechStarted, StartSpeculation, AskTurn, CancelSpeculation, StartSpeculation, AskTurn, Commit,
    ]  # fmt: skip
    first, second = only(heard, StartSpeculation)
    assert only(heard, CancelSpeculation)[0].pause_id == first.pause_id
    assert numbers(second.pcm)[0] == numbers(first.pcm)[0] == 12
    assert set(range(12, 65)) <= set(numbers(second.pcm))


def test_without_a_judge_silence_ends_the_utterance():
    (commit,) = only(listen(Hearing(ScriptedSpeech(SAID)), numbered(100)), Commit)
    assert (commit.reason, commit.endpoint_sample - commit.speech_end_sample) == ("silence", 20 * 512)


def test_a_cough_is_discarded_and_not_transcribed():
    heard = listen(Hearing(ScriptedSpeech(script((20, 0.0), (4, 0.9), (60, 0.0)))), numbered(84))
    assert kinds(heard) == [SpeechStarted, Discarded]


def test_a_file_that_stops_in_the_middle_of_a_word_is_still_heard_to_its_last_sample():
    hearing = Hearing(ScriptedSpeech(script((60, 0.9))))
    sound = numbered(30) + b"\x07\x00" * 100
    listen(hearing, sound)
    commit: Any
    (commit,) = hearing.flush()
    assert (commit.reason, commit.pause_id) == ("stream-ended", None)
    assert commit.pcm.startswith(sound)
    assert hearing.flush() == []


def test_when_nothing_arrives_silence_must_be_fed_and_ends_the_utterance():
    hearing = Hearing(ScriptedSpeech(script((20, 0.9))))
    listen(hearing, numbered(20))
    assert hearing.is_open
    actions: list[Any] = [*hearing.feed_silence(10_000)]
    assert [type(action) for action in actions] == [StartSpeculation, AskTurn, Commit]
    assert hearing.feed_silence(10_000) == []
    assert hearing.samples_heard * 1000 // RATE_HZ == pytest.approx(640 + 20_000, abs=32)


def test_a_long_gap_costs_nothing_and_forgets_what_was_before():
    speech = ScriptedSpeech(script((3, 0.0), (20, 0.9)))
    hearing = Hearing(speech)
    hearing.feed(numbered(3))
    assert hearing.feed_silence(3_600_000) == []
    assert speech.resets == 1
    started: Any
    started, *_ = hearing.feed(numbered(20))
    assert started.start_sample == started.speech_sample, "the pre-roll does not reach over the gap"


def test_only_the_open_utterance_and_the_preroll_are_kept():
    hearing = Hearing(ScriptedSpeech(script((5000, 0.0), (300, 0.9))))
    hearing.feed(bytes(5000 * WINDOW_BYTES))
    assert len(hearing._kept) <= 10
    hearing.feed(bytes(300 * WINDOW_BYTES))
    assert 300 <= len(hearing._kept) <= 310
    hearing.feed(bytes(40 * WINDOW_BYTES))
    assert len(hearing._kept) <= 40


def test_the_judge_is_given_eight_seconds_at_most():
    probabilities = script((600, 0.9), (60, 0.0))
    heard = listen(Hearing(ScriptedSpeech(probabilities)), numbered(660), ScriptedJudge(0.99))
    (question,) = only(heard, AskTurn)
    assert len(question.pcm) == 8 * RATE_HZ * 2


def test_speech_of_a_minute_is_cut_without_losing_a_sample():
    windows = 2000
    heard = listen(Hearing(ScriptedSpeech(script((windows, 0.9), (60, 0.0)))), numbered(windows + 60))
    commits = only(heard, Commit)
    assert [commit.reason for commit in commits] == ["too-long", "too-long", "silence"]
    assert all(len(commit.pcm) <= 30 * RATE_HZ * 2 for commit in commits)
    whole = [number for commit in commits for number in numbers(commit.pcm)]
    assert whole == list(range(whole[-1] + 1))
    assert whole[-1] >= windows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.95])), max_size=15),
    st.lists(st.integers(1, 5000), min_size=1, max_size=8),
)
def test_however_the_sound_is_chopped_the_same_is_heard(stretches, sizes):
    probabilities = script(*stretches)
    sound = numbered(len(probabilities))
    expected = Hearing(ScriptedSpeech(probabilities)).feed(sound)

    hearing, at, turn = Hearing(ScriptedSpeech(probabilities)), 0, 0
    heard: list[Any] = []
    while at < len(sound):
        heard += hearing.feed(sound[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    # Where an end was told differs by nothing: it is counted in sound, not in chunks.
    assert heard == expected


# With the real network and a synthetic voice.

SENTENCES = ("What time does the train leave tomorrow morning?", "I bought a new guitar with my savings.")


@cache
def spoken(sentence: str) -> Any:
    """16 kHz, peak 0.3, without the silence around it."""
    sound = soxr.resample(np.asarray(Hibari()(sentence, seed=1)), 24_000, RATE_HZ).astype(np.float32)
    sound *= 0.3 / np.abs(sound).max()
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return sound[loud[0] : loud[-1] + 1]


def in_noise(sound: np.ndarray, snr_db: float) -> bytes:
    noise = np.random.default_rng(5).standard_normal(sound.size).astype(np.float32)
    power = np.square(sound[np.abs(sound) > 0.001]).mean()
    return to_pcm(sound + noise * np.sqrt(power / 10 ** (snr_db / 10)))


def silence(milliseconds: int) -> np.ndarray:
    return np.zeros(milliseconds * 16, np.float32)


@pytest.mark.parametrize("snr_db", [50, 20, 10])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_voice_in_noise_is_noticed_at_once_and_its_end_is_found(sentence, snr_db):
    voice = spoken(sentence)
    begin, end = 800 * 16, 800 * 16 + voice.size
    pcm = in_noise(np.concatenate([silence(800), voice, silence(1500)]), snr_db)
    heard = listen(Hearing(SileroVad()), pcm, ScriptedJudge(0.99))

    assert kinds(heard) == [SpeechStarted, StartSpeculation, AskTurn, Commit]
    noticed_at, started = heard[0]
    assert noticed_at - begin <= 150 * 16
    assert started.start_sample <= begin
    speculated_at, _ = heard[1]
    assert end - 60 * 16 <= speculated_at <= end + 330 * 16
    commit = only(heard, Commit)[0]
    assert abs(commit.speech_end_sample - end) <= 250 * 16
    assert commit.endpoint_sample - end <= 500 * 16


@pytest.mark.parametrize("pause_ms", [300, 500])
def test_a_pause_in_an_unfinished_sentence_is_not_its_end(pause_ms):
    voice = spoken(SENTENCES[0])
    middle = voice.size // 2
    parts = [silence(500), voice[:middle], silence(pause_ms), voice[middle:], silence(1500)]
    heard = listen(Hearing(SileroVad()), in_noise(np.concatenate(parts), 40), ScriptedJudge(0.05, 0.99))

    (commit,) = only(heard, Commit)
    assert len(commit.pcm) >= (voice.size + pause_ms * 16) * 2
    assert len(only(heard, CancelSpeculation)) == 1


def test_nobody_speaks_in_hiss_or_silence():
    hiss = (0.02 * np.random.default_rng(8).standard_normal(10 * RATE_HZ)).astype(np.float32)
    assert listen(Hearing(SileroVad()), to_pcm(np.concatenate([silence(5000), hiss]))) == []


def test_a_frame_is_what_discord_brings():
    assert FRAME_BYTES == 20 * RATE_HZ // 1000 * 2
