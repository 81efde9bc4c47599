"""One speaker's packets put back in order; the clock is a number here."""

import random

import pytest

from bot.voice.jitter import (
    BEGINNING_FRAMES,
    LONGEST_TOLD_SECONDS,
    MOST_CONCEALED,
    MOST_WAITING,
    WAIT_AT_BEGINNING_SECONDS,
    WAIT_SECONDS,
    Frame,
    JitterBuffer,
    Lost,
    Piece,
    Quiet,
    packet_samples,
)
from bot.voice.rtp import SILENCE

TOC = b"\xf8"  # CELT, 20 ms


def speech(number: int) -> bytes:
    return TOC + number.to_bytes(4, "big")


class Speaker:
    """Sends a packet every 20 ms and reads what comes out."""

    def __init__(self, sequence: int = 65_530, timestamp: int = 2**32 - 4_000) -> None:
        self.buffer = JitterBuffer()
        self.first = (sequence, timestamp)

    def say(
        self, number: int, *, silent_ms: int = 0, now: float | None = None, payload: bytes | None = None
    ) -> list[Piece]:
        """Packet ``number`` after ``silent_ms`` of silence in all, at the time it was due."""
        sequence = self.first[0] + number & 0xFFFF
        timestamp = self.first[1] + number * 960 + silent_ms * 48 & 0xFFFFFFFF
        at = (number * 20 + silent_ms) / 1000 if now is None else now
        return self.buffer.push(sequence, timestamp, speech(number) if payload is None else payload, at)


def milliseconds(pieces: list[Piece]) -> int:
    """All silence and loss among them."""
    return sum(
        piece.milliseconds if isinstance(piece, Quiet) else piece.frames * 20
        for piece in pieces
        if not isinstance(piece, Frame)
    )


def frames(*numbers: int) -> list[Piece]:
    return [Frame(speech(number)) for number in numbers]


def test_what_comes_in_order_goes_on_at_once_round_both_corners() -> None:
    speaker = Speaker()
    for number in range(20):
        assert speaker.say(number) == frames(number)


def test_two_that_overtook_each_other_come_out_in_order() -> None:
    speaker = Speaker()
    speaker.say(0)
    assert speaker.say(2) == []
    assert speaker.say(1, now=0.045) == frames(1, 2)


def test_any_order_within_the_wait_comes_out_whole() -> None:
    chance = random.Random(11)
    speaker = Speaker()
    speaker.say(0, now=0.0)
    arrivals = sorted(range(1, 500), key=lambda number: number * 0.020 + chance.uniform(0, 0.055))
    out = [piece for number in arrivals for piece in speaker.say(number, now=number * 0.020 + 0.055)]
    assert out == frames(*range(1, 500))


def test_a_lost_packet_is_waited_for_and_then_recovered_from_the_next() -> None:
    speaker = Speaker()
    for number in range(BEGINNING_FRAMES):
        speaker.say(number)
    lost, due = BEGINNING_FRAMES, (BEGINNING_FRAMES + 1) * 0.020 + WAIT_SECONDS
    assert speaker.say(lost + 1) == []
    assert speaker.say(lost + 2) == []
    assert speaker.buffer.tick(due - 0.001) == []
    assert speaker.buffer.tick(due + 0.001) == [Lost(1, speech(lost + 1)), *frames(lost + 1, lost + 2)]


@pytest.mark.parametrize("before", ["nothing", "silence by the clock", "silence by its timestamp", "a silence frame"])
def test_where_somebody_may_be_beginning_a_lost_packet_is_hardly_waited_for(before: str) -> None:
    speaker, first, silent_ms = Speaker(), 0, 0
    if before != "nothing":
        for first in range(1, 2 * BEGINNING_FRAMES):
            speaker.say(first - 1)
        silent_ms = 1_000
        if before == "silence by the clock":
            assert speaker.buffer.tick(first * 0.020 + 0.9)
        elif before == "a silence frame":
            speaker.say(first, payload=SILENCE)
            first += 1
    speaker.say(first, silent_ms=silent_ms)
    arrived_at = ((first + 2) * 20 + silent_ms) / 1000
    assert speaker.say(first + 2, silent_ms=silent_ms) == []
    assert speaker.buffer.tick(arrived_at + WAIT_AT_BEGINNING_SECONDS - 0.001) == []
    recovered = [Lost(1, speech(first + 2)), *frames(first + 2)]
    assert speaker.buffer.tick(arrived_at + WAIT_AT_BEGINNING_SECONDS + 0.001) == recovered


def test_what_comes_after_its_place_was_given_up_is_late() -> None:
    speaker = Speaker()
    speaker.say(0)
    speaker.say(2)
    speaker.buffer.tick(0.2)
    assert speaker.say(1, now=0.21) == []
    assert speaker.say(2, now=0.22) == []
    assert speaker.buffer.late == 2
    assert speaker.say(3, now=0.23) == frames(3)


def test_a_gap_in_time_without_one_in_numbers_is_silence() -> None:
    speaker = Speaker()
    speaker.say(0)
    assert speaker.say(1, silent_ms=1000) == [Quiet(1000), *frames(1)]


def test_when_speech_begins_with_a_lost_packet_silence_comes_first_and_the_loss_is_recovered() -> None:
    speaker = Speaker()
    speaker.say(0, payload=SILENCE)
    assert speaker.say(2, silent_ms=600) == []
    assert speaker.buffer.tick(0.8) == [Quiet(600), Lost(1, speech(2)), *frames(2)]


def test_silence_that_the_clock_told_is_not_told_again() -> None:
    speaker = Speaker()
    speaker.say(0, payload=SILENCE)
    told = 0
    for tick in range(1, 40):
        told += sum(piece.milliseconds for piece in speaker.buffer.tick(tick * 0.020) if isinstance(piece, Quiet))
    assert told == 760
    assert speaker.say(1, silent_ms=1000) == [Quiet(240), *frames(1)]


def test_a_network_that_stalls_for_a_moment_is_no_silence() -> None:
    speaker = Speaker()
    speaker.say(0)
    assert [speaker.buffer.tick(at / 100) for at in range(1, 20)] == [[]] * 19
    out = [piece for number in range(1, 10) for piece in speaker.say(number, now=0.19)]
    assert out == frames(*range(1, 10))


def test_a_sender_that_is_gone_is_told_as_silence_for_a_while_and_then_costs_nothing() -> None:
    speaker = Speaker()
    speaker.say(0)
    told = milliseconds([piece for at in range(1, 2000) for piece in speaker.buffer.tick(at / 50)])
    assert told == pytest.approx(LONGEST_TOLD_SECONDS * 1000, abs=20)
    assert speaker.buffer.due_at is None


def test_a_long_loss_is_concealed_only_until_the_guess_has_faded() -> None:
    speaker = Speaker()
    speaker.say(0)
    assert speaker.say(31, now=0.62) == []
    out = speaker.buffer.tick(0.63 + WAIT_SECONDS)
    assert out == [Lost(MOST_CONCEALED - 1, None), Quiet(500), Lost(1, speech(31)), *frames(31)]
    assert milliseconds(out) == 600


def test_nobody_waits_for_one_packet_while_a_second_of_speech_piles_up() -> None:
    speaker = Speaker()
    speaker.say(0)
    out: list[Piece] = []
    for number in range(2, MOST_WAITING + 2):
        assert not out
        out = speaker.say(number, now=0.02)
    assert out == [Lost(1, speech(2)), *frames(*range(2, MOST_WAITING + 2))]


def test_a_stream_that_begins_anew_elsewhere_goes_on_at_once() -> None:
    speaker = Speaker(sequence=100)
    speaker.say(0)
    speaker.say(2)
    assert speaker.buffer.push(30_000, 77, speech(9), 0.05) == [Lost(1, speech(2)), *frames(2, 9)]


def test_a_sender_who_counts_anew_goes_on_at_once() -> None:
    """Packets that old are let in by the replay window only when their sender has begun anew."""
    speaker = Speaker(sequence=2_000, timestamp=0)
    for number in range(100):
        speaker.say(number)
    now = 2.0
    assert speaker.buffer.push(5, 77, speech(1), now) == frames(1)
    assert speaker.buffer.push(6, 77 + 960, speech(2), now + 0.02) == frames(2)
    assert speaker.buffer.late == 0


def test_numbers_that_run_ahead_of_the_clock_are_no_minute_of_silence() -> None:
    speaker = Speaker()
    speaker.say(0)
    speaker.buffer.push(speaker.first[0] + 3_000 & 0xFFFF, speaker.first[1] + 960, speech(1), 0.02)
    pieces = speaker.buffer.tick(0.02 + WAIT_SECONDS)
    assert 0 < milliseconds(pieces) <= 520 + (MOST_CONCEALED + 1) * 20


def test_a_clock_that_jumps_is_not_believed() -> None:
    speaker = Speaker()
    speaker.say(0)
    pieces = speaker.say(1, silent_ms=3_600_000, now=0.02)
    assert sum(piece.milliseconds for piece in pieces if isinstance(piece, Quiet)) <= 520
    speaker = Speaker()
    speaker.say(0)
    assert speaker.say(1, silent_ms=-5_000, now=0.02) == frames(1)


@pytest.mark.parametrize(
    ("first_bytes", "samples"),
    [
        (b"\x08", 960),  # SILK, 20 ms
        (b"\x18", 2880),  # SILK, 60 ms
        (b"\x68", 960),  # hybrid
        (b"\xe0", 120),  # CELT, 2.5 ms
        (b"\xf8", 960),
        (b"\xf9", 1920),  # two frames
        (b"\xfb\x03", 2880),  # three, counted
        (b"\xfb", 960),
        (b"", 960),
    ],
)
def test_a_packet_says_how_long_it_is(first_bytes: bytes, samples: int) -> None:
    assert packet_samples(first_bytes) == samples
