"""What the key opens, what it doesn't, and what comes twice."""

import random

import pytest

from bot.voice.transport import (
    AES_GCM,
    RESTART_AFTER,
    SUPPORTED_MODES,
    XCHACHA,
    NonceExhausted,
    ReplayWindow,
    Transport,
)
from tests.fakes.voice_packets import KEY

HEADER = b"twelve bytes"
BOTH = pytest.mark.parametrize("mode", [XCHACHA, AES_GCM])


def test_both_modes_are_offered_here() -> None:
    assert SUPPORTED_MODES == (XCHACHA, AES_GCM)


@BOTH
@pytest.mark.parametrize("payload", [b"", b"x", b"speech" * 200])
def test_what_is_sealed_is_opened(mode: str, payload: bytes) -> None:
    packet = Transport(mode, KEY).seal(HEADER, payload)
    assert Transport(mode, KEY).open(packet, len(HEADER)) == payload


@BOTH
def test_no_bit_can_be_changed(mode: str) -> None:
    packet = Transport(mode, KEY).seal(HEADER, b"speech")
    opener = Transport(mode, KEY)
    for bit in range(len(packet) * 8):
        changed = bytearray(packet)
        changed[bit // 8] ^= 1 << bit % 8
        assert opener.open(bytes(changed), len(HEADER)) is None
    assert Transport(mode, KEY[::-1]).open(packet, len(HEADER)) is None


@BOTH
def test_the_counter_is_never_used_twice(mode: str) -> None:
    transport = Transport(mode, KEY)
    packets = [transport.seal(HEADER, b"same") for _ in range(3)]
    assert [packet[-4:] for packet in packets] == [b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\2"]
    transport._sealed = 2**32 - 1
    transport.seal(HEADER, b"last")
    with pytest.raises(NonceExhausted):
        transport.seal(HEADER, b"one too many")


def test_xchacha_is_what_nextcord_sends() -> None:
    import nacl.secret

    sealed = Transport(XCHACHA, KEY).seal(HEADER, b"speech")
    box = nacl.secret.Aead(KEY)
    assert box.decrypt(sealed[len(HEADER) : -4], HEADER, sealed[-4:] + bytes(20)) == b"speech"


@pytest.mark.parametrize(("mode", "key"), [(XCHACHA, KEY[1:]), ("xsalsa20_poly1305", KEY), ("", KEY)])
def test_what_is_no_mode_or_no_key_is_refused(mode: str, key: bytes) -> None:
    with pytest.raises(ValueError, match="transport"):
        Transport(mode, key)


def test_each_sequence_number_is_news_once_round_the_corner_too() -> None:
    window = ReplayWindow()
    numbers = [(65_400 + n) % 65_536 for n in range(400)]
    order = numbers.copy()
    random.Random(5).shuffle(order)
    ordered = [number for start in range(0, 400, 20) for number in sorted(numbers[start : start + 20], key=order.index)]
    assert all(window.admits(number, at) for at, number in enumerate(ordered))
    assert not any(window.admits(number, at) for at, number in enumerate(ordered))


def test_what_is_older_than_the_window_is_not_news_even_if_unseen() -> None:
    window = ReplayWindow()
    assert window.admits(1000, 1)
    assert not window.admits(500, 2)
    assert window.admits(900, 3)


def test_a_sender_that_counts_anew_is_heard_again() -> None:
    window = ReplayWindow()
    assert window.admits(30_000, 10)
    answers = [window.admits(5 + n, 11 + n) for n in range(RESTART_AFTER + 5)]
    assert answers.index(True) == RESTART_AFTER - 1
    assert all(answers[RESTART_AFTER - 1 :])


def test_what_was_recorded_before_its_sender_counted_anew_is_no_news() -> None:
    """Its numbers come once more, less than a minute ahead, where no counter was asked for."""
    window = ReplayWindow()
    for n in range(1_000):
        assert window.admits(5_000 + n, n)
    for n in range(2 * RESTART_AFTER):
        window.admits(4_000 + n, 1_000 + n)
    assert not any(window.admits(5_000 + n, n) for n in range(1_000))
    assert window.admits(4_000 + 2 * RESTART_AFTER, 1_000 + 2 * RESTART_AFTER)


def test_recordings_do_not_hold_up_who_counts_anew() -> None:
    window = ReplayWindow()
    assert window.admits(30_000, 10)
    answers = []
    for n in range(RESTART_AFTER + 5):
        answers.append(window.admits(5 + n, 11 + n))
        assert not window.admits(20_000, 3)
    assert answers.index(True) == RESTART_AFTER - 1


def test_an_old_packet_does_not_become_new_when_the_numbers_come_round() -> None:
    window = ReplayWindow()
    assert all(window.admits(number & 0xFFFF, number) for number in range(50_000))
    assert not any(window.admits(number, number) for number in range(100, 40_000, 500))
    assert window.admits(50_000, 50_000)


def test_a_recording_played_back_never_counts_as_a_new_sender() -> None:
    window = ReplayWindow()
    recording = [(n, n) for n in range(2_000)]
    assert all(window.admits(*packet) for packet in recording)
    assert not any(window.admits(*packet) for packet in recording)
