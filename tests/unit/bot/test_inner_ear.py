"""Voice detection for everybody at once: the same probabilities and the same decisions as each one's own."""

import random
from typing import Any

import numpy as np
import pytest

from bot.voice.endpointing import Endpointer, VadWindow
from bot.voice.hearing import Commit, Hearing
from bot.voice.inner_ear import (
    BEGINNING_MS,
    FLOWING_WINDOWS,
    LONGEST_SILENCE_MS,
    LONGEST_WAIT_MS,
    MOST_KEPT,
    SOFT_PROBABILITY,
    InnerEar,
)
from bot.voice.receive import Heard, Left, Silence, Sound
from bot.voice.receiving import Rest
from bot.voice.vad import SileroVad, Told
from config.audio import VAD_WINDOW_SAMPLES
from tests.unit.bot.test_vad import spoken_sound

FRAME = 640
WINDOW = 2 * VAD_WINDOW_SAMPLES


class Deaf:
    """A speech detector that must not be asked."""

    def __call__(self, window: Any) -> float:
        raise AssertionError("everything was told")

    def reset(self) -> None:
        pass


def pcm_of(seconds: float, seed: int = 1) -> bytes:
    pcm: bytes = (spoken_sound(seconds, seed) * 32767).astype("<i2").tobytes()
    return pcm


def fed(hearing: Hearing, piece: Sound | Silence, told: Told | None) -> list[Any]:
    if isinstance(piece, Sound):
        return [*hearing.feed(piece.pcm, told)]
    return [*hearing.feed_silence(piece.milliseconds, told)]


def alone(pcm: bytes, vad: SileroVad | None = None) -> list[float]:
    vad = vad or SileroVad()
    samples = np.frombuffer(pcm[: len(pcm) // WINDOW * WINDOW], "<i2").astype(np.float32) / np.float32(32768)
    return [vad(window) for window in samples.reshape(-1, VAD_WINDOW_SAMPLES)]


def told_of(heard: list[Heard]) -> list[float]:
    """Without the one more that follows a silence."""
    told: list[float] = []
    for piece in heard:
        assert not isinstance(piece, Left)
        assert piece.told is not None
        told += piece.told.probabilities[: -1 if isinstance(piece, Silence) else None]
    return told


def test_people_who_speak_at_once_are_each_heard_as_if_alone() -> None:
    said = {user_id: pcm_of(1.5, seed=user_id) for user_id in (1, 2, 3)}
    ear = InnerEar()
    told: dict[int, list[float]] = {user_id: [] for user_id in said}
    for at in range(0, len(said[1]), 2 * FRAME):
        pieces: list[Heard] = [Sound(user_id, pcm[at : at + 2 * FRAME]) for user_id, pcm in said.items()]
        for piece in ear.listen(pieces):
            assert isinstance(piece, Sound)
            told[piece.user_id] += told_of([piece])
    for user_id, pcm in said.items():
        assert told[user_id] == pytest.approx(alone(pcm), abs=1e-4)


def test_pieces_keep_their_order_and_several_of_one_person_follow_each_other() -> None:
    pcm = pcm_of(0.4)
    pieces: list[Heard] = [Sound(1, pcm[:3000]), Sound(2, pcm), Silence(1, 20), Sound(1, pcm[3000:]), Silence(2, 40)]
    heard = InnerEar().listen(pieces)
    assert [piece[:2] for piece in heard] == [piece[:2] for piece in pieces]
    first = pcm[:3000] + bytes(20 * 32) + pcm[3000:]
    assert told_of([piece for piece in heard if piece.user_id == 1]) == pytest.approx(alone(first), abs=1e-4)


def test_whoever_left_and_came_back_is_somebody_new() -> None:
    pcm = pcm_of(0.5)
    ear = InnerEar()
    ear.listen([Sound(1, pcm_of(0.7, seed=2)[:-100])])
    back = ear.listen([Sound(1, pcm[:2000]), Left(1), Sound(1, pcm)])[2]
    assert isinstance(back, Sound)
    assert back.told is not None
    assert back.told.ahead == 0
    assert list(back.told.probabilities) == pytest.approx(alone(pcm), abs=1e-4)


def test_a_long_silence_is_looked_at_for_as_long_as_somebody_may_be_waiting_for_its_end() -> None:
    ear = InnerEar()
    ear.listen([Sound(1, pcm_of(0.5))])
    windows = [len(told_of(ear.listen([Silence(1, 1500)]))) for _ in range(4)]
    assert sum(windows) == pytest.approx(LONGEST_SILENCE_MS / 32, abs=1)
    assert windows[2:] == [0, 0]


@pytest.mark.parametrize("seed", range(6))
def test_ears_that_are_told_decide_what_ears_of_their_own_decide(seed: int) -> None:
    """Whatever the lengths of the pieces, and however late somebody begins to listen."""
    chance = random.Random(seed)
    ear, told_ears = InnerEar(), Hearing(Deaf(), is_told=True)
    own_vad, before = SileroVad(), b""
    own_ears = Hearing(own_vad)
    joins_after = seed
    pcm = pcm_of(2.2) + bytes(8 * FRAME)
    pieces: list[Heard] = []
    while pcm:
        length = FRAME * chance.randint(1, 4)
        pieces.append(Sound(1, pcm[:length]))
        pcm = pcm[length:]
    pieces += [Silence(1, milliseconds) for milliseconds in chance.sample([40, 500, 60, 1200, 3000], 5)]
    decided: list[list[Any]] = [[], []]
    for number, heard in enumerate([heard for piece in (*pieces, Left(1)) for heard in ear.listen([piece])][:-1]):
        assert not isinstance(heard, Left)
        assert heard.told is not None
        if number < joins_after:
            assert isinstance(heard, Sound)
            before += heard.pcm
            continue
        if number == joins_after:  # both have heard the same, and cut their windows at the same places
            alone(before, own_vad)
            own_ears.feed(before[len(before) - heard.told.ahead :])
        decided[0] += fed(told_ears, heard, heard.told)
        decided[1] += fed(own_ears, heard, None)
    assert [type(action) for action in decided[0]] == [type(action) for action in decided[1]]
    # The first window may hold a little of what one of them has not heard.
    ends = [[action.pcm[WINDOW:] for action in actions if isinstance(action, Commit)] for actions in decided]
    assert ends[0] == ends[1] != []


def test_ears_with_a_detector_of_their_own_do_not_listen_to_what_is_told() -> None:
    hearing = Hearing(SileroVad())
    loud = Told(0, (1.0,) * 20)
    assert hearing.feed(bytes(20 * WINDOW), loud) == []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The probabilities of the windows to come."""
    told: list[float] = []

    def of_all(_: list[SileroVad], stretches: list[Any]) -> list[list[float]]:
        return [[told.pop(0) for _ in stretch] for stretch in stretches]

    monkeypatch.setattr(SileroVad, "of_all", of_all)
    return told


def settled(told: list[float], *people: int) -> InnerEar:
    """Who has heard these people make a sound for a while."""
    ear = InnerEar()
    windows = BEGINNING_MS // 32 + 1
    told += [0.5] * windows * len(people)
    ear.listen([Sound(user_id, bytes(WINDOW * windows)) for user_id in people])
    return ear


def test_packets_gather_longest_while_all_who_can_be_heard_are_in_the_middle_of_speech(told: list[float]) -> None:
    assert InnerEar().rest is Rest.NONE, "whoever comes is beginning"
    ear, window = settled(told, 1, 2), bytes(WINDOW)
    for first, second, rest in (
        (0.99, 1.0, Rest.LONG),
        (0.99, 0.9, Rest.SHORT),
        (0.05, 0.99, Rest.SHORT),
        (0.99, 0.99, Rest.NONE),
        (0.99, 0.99, Rest.LONG),
    ):
        told += [first, second]
        ear.listen([Sound(1, window), Sound(2, window)])
        assert ear.rest is rest
    rests = []
    for silent_ms in (32, LONGEST_WAIT_MS - 32, 32):
        told += [0.0] * (silent_ms // 32 + 1)
        ear.listen([Silence(1, silent_ms)])
        rests.append(ear.rest)
    assert rests == [Rest.SHORT, Rest.SHORT, Rest.LONG], "until what they said is over"
    ear.listen([Left(2)])
    assert [ear.rest] == [Rest.NONE]  # a list, since mypy believes that a property stays as it was


def test_nothing_gathers_while_somebody_may_be_beginning(told: list[float]) -> None:
    ear = settled(told, 1)

    def rest_after(*pieces: Heard) -> Rest:
        ear.listen(list(pieces))
        return ear.rest

    told += [0.95, 0.0]
    assert rest_after(Sound(1, bytes(WINDOW)), Silence(1, 32)) is Rest.NONE, "nobody makes a sound"
    told += [0.0] * (BEGINNING_MS // 32)
    while_it_is_new = [rest_after(Sound(1, bytes(FRAME))) for _ in range(BEGINNING_MS // 20)]
    assert set(while_it_is_new) == {Rest.NONE}
    assert rest_after(Sound(1, bytes(FRAME))) is Rest.SHORT, "it is a sound, and no speech"
    told += [SOFT_PROBABILITY]
    assert rest_after(Sound(1, bytes(WINDOW - FRAME))) is Rest.NONE, "the next window may make it a start"
    told += [SOFT_PROBABILITY]
    assert rest_after(Sound(1, bytes(WINDOW))) is Rest.SHORT


def flowing(told: list[float], *people: int) -> InnerEar:
    """Who has heard these people speak for as long as it takes to be sure that they are in the middle of it."""
    ear = InnerEar()
    told += [0.9] * FLOWING_WINDOWS * len(people)
    speech: list[Heard] = [Sound(user_id, bytes(WINDOW * FLOWING_WINDOWS)) for user_id in people]
    assert [piece[:2] for piece in ear.listen(speech)] == [piece[:2] for piece in speech], "they have begun in it"
    return ear


def test_what_decides_nothing_is_kept_back_and_comes_out_together(told: list[float]) -> None:
    ear = flowing(told, 1, 2)
    looks: list[list[Heard]] = []
    for look in range(MOST_KEPT + 1):
        told += [0.9, 0.8, 0.7]
        looks.append(ear.listen([Sound(1, bytes(WINDOW)), Sound(2, bytes([look]) * WINDOW * 2)]))
    assert [len(look) for look in looks] == [0] * (MOST_KEPT - 1) + [2 * MOST_KEPT, 0]
    out = looks[MOST_KEPT - 1]
    assert [piece.user_id for piece in out] == [1, 2] * MOST_KEPT
    second = [piece for piece in out if isinstance(piece, Sound) and piece.user_id == 2]
    assert [(piece.pcm[0], piece.told) for piece in second] == [
        (look, Told(0, (0.8, 0.7))) for look in range(MOST_KEPT)
    ]


@pytest.mark.parametrize(
    ("heard", "probabilities"),
    [
        pytest.param([Sound(1, bytes(WINDOW))], [0.49], id="it may be the beginning of a pause"),
        pytest.param([Silence(1, 40)], [0.9], id="a silence"),
        pytest.param([Left(1)], [], id="they left"),
        pytest.param([Sound(1, bytes(WINDOW)), Sound(2, bytes(FRAME))], [0.9], id="another may be beginning"),
    ],
)
def test_what_may_decide_something_brings_out_all_that_was_kept_back(
    told: list[float], heard: list[Heard], probabilities: list[float]
) -> None:
    ear, before = flowing(told, 1), Sound(1, bytes(WINDOW))
    told += [0.9]
    assert ear.listen([before]) == []
    told += probabilities
    assert [piece[:2] for piece in ear.listen(heard)] == [piece[:2] for piece in (before, *heard)]


@pytest.mark.parametrize("seed", range(20))
def test_keeping_back_delays_no_decision(told: list[float], seed: int) -> None:
    chance = random.Random(seed)
    ear, hearing, endpointer = InnerEar(), Hearing(Deaf(), is_told=True), Endpointer()
    decided, expected, kept, ahead = 0, 0, 0, 0
    windows = [
        probability
        for _ in range(100)
        for probability in [chance.choice([0.0, 0.2, 0.4, 0.6, 0.95, 1.0])] * chance.choice([1, 2, 3, 20, 25])
    ]
    while len(windows) > 60:
        length = FRAME * chance.choice([1, 2, 3, 4, 5, 6, 6, 6, 75])
        found, ahead = divmod(ahead + length, WINDOW)
        told += windows[:found]
        expected += sum(len(endpointer.feed(VadWindow(probability))) for probability in windows[:found])
        del windows[:found]
        heard = ear.listen([Sound(1, bytes(length))])
        for piece in heard:
            assert isinstance(piece, Sound)
            decided += len(hearing.feed(piece.pcm, piece.told))
        assert decided == expected
        kept += not heard
    assert kept > 3
    assert decided > 10
