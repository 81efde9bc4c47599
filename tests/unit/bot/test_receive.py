"""A packet's way in, with real seals, real DAVE groups and real Opus; the clock is a number."""

from collections.abc import Iterable

import numpy as np
import pytest

from bot.voice.receive import Heard, Left, Receiver, Silence, Sound
from bot.voice.rtp import SILENCE, Drop
from bot.voice.speakers import HELD_SECONDS, MOST_HELD
from bot.voice.transport import AES_GCM, XCHACHA, Transport
from tests.fakes.dave_group import Group, Member
from tests.fakes.voice_packets import KEY, PITCH_HZ, Wire, spoken

ASHA, BEN, PRIYA = 1001, 1002, 9
FRAME_BYTES = 640


def everyone(_: int) -> bool:
    return True


def plain_receiver(mode: str = XCHACHA) -> Receiver:
    return Receiver(Transport(mode, KEY), everyone)


def sealed_receiver(group: Group) -> Receiver:
    receiver = plain_receiver()
    receiver.sealed_speech.begin(1)
    receiver.sealed_speech.install(group[PRIYA].ratchets(ASHA, BEN))
    return receiver


def feed(receiver: Receiver, packets: Iterable[bytes], start: float = 0.0) -> list[Heard]:
    return [heard for at, packet in enumerate(packets) for heard in receiver.datagram(packet, start + at * 0.020)]


def sound_of(user_id: int, heard: Iterable[Heard]) -> np.ndarray:
    pcm = b"".join(piece.pcm for piece in heard if isinstance(piece, Sound) and piece.user_id == user_id)
    return np.frombuffer(pcm, "<i2")


def pitch_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples[1600:]))
    return float(np.argmax(spectrum)) * 16_000 / len(samples[1600:])


@pytest.mark.parametrize("mode", [XCHACHA, AES_GCM])
def test_speech_comes_out_at_16_khz_under_its_speakers_name(mode: str) -> None:
    receiver = plain_receiver(mode)
    receiver.name(7, ASHA, 0.0)
    heard = feed(receiver, Wire(7, mode=mode).packets(spoken(1.0)))
    assert len(sound_of(ASHA, heard)) == 16_000
    assert pitch_hz(sound_of(ASHA, heard)) == pytest.approx(PITCH_HZ, abs=2)
    assert not +receiver.dropped


def test_two_who_talk_at_once_are_told_apart() -> None:
    receiver = plain_receiver()
    receiver.name(7, ASHA, 0.0)
    receiver.name(8, BEN, 0.0)
    both = zip(Wire(7).packets(spoken(1.0, 200)), Wire(8).packets(spoken(1.0, 330)), strict=True)
    heard = feed(receiver, [packet for pair in both for packet in pair])
    assert pitch_hz(sound_of(ASHA, heard)) == pytest.approx(200, abs=2)
    assert pitch_hz(sound_of(BEN, heard)) == pytest.approx(330, abs=2)


def test_what_came_before_the_name_is_heard_when_the_name_comes() -> None:
    receiver = plain_receiver()
    packets = Wire(7).packets(spoken(1.0))
    assert feed(receiver, packets[:40]) == []
    heard = receiver.name(7, ASHA, 0.8) + feed(receiver, packets[40:], 0.8)
    assert len(sound_of(ASHA, heard)) == 16_000


def test_of_a_stranger_only_the_latest_packets_are_kept_and_not_for_ever() -> None:
    receiver = plain_receiver()
    feed(receiver, Wire(7).packets(spoken(2.0)))
    assert receiver.dropped[Drop.UNKNOWN_SPEAKER] == 100 - MOST_HELD
    assert len(sound_of(ASHA, receiver.name(7, ASHA, 2.0))) == MOST_HELD * 320
    feed(receiver, Wire(8).packets(spoken(1.0)))
    assert receiver.name(8, BEN, 1.0 + HELD_SECONDS) == []


def test_who_did_not_agree_is_dropped_before_anything_is_opened() -> None:
    asked: list[int] = []

    def nobody(user_id: int) -> bool:
        asked.append(user_id)
        return False

    receiver = Receiver(Transport(XCHACHA, KEY), nobody)
    opened: list[int] = []
    receiver.sealed_speech.open = lambda user_id, frame: opened.append(user_id)  # type: ignore[method-assign]
    packets = Wire(7).packets(spoken(0.4))
    heard = feed(receiver, packets[:10]) + receiver.name(7, ASHA, 0.2) + feed(receiver, packets[10:], 0.2)
    assert (heard, opened, asked) == ([], [], [ASHA] * 20)
    assert receiver.dropped[Drop.NOT_HEARD] == 20


def test_who_takes_consent_back_is_not_heard_from_that_packet_on() -> None:
    agreed = {ASHA}
    receiver = Receiver(Transport(XCHACHA, KEY), agreed.__contains__)
    receiver.name(7, ASHA, 0.0)
    packets = Wire(7).packets(spoken(0.4))
    assert len(sound_of(ASHA, feed(receiver, packets[:10]))) == 3200
    agreed.clear()
    assert receiver.tick(0.2) == [Left(ASHA)]
    assert feed(receiver, packets[10:], 0.2) == []


def test_forged_replayed_and_foreign_packets_are_counted_and_change_nothing() -> None:
    receiver = plain_receiver()
    receiver.name(7, ASHA, 0.0)
    wire = Wire(7)
    packets = wire.packets(spoken(1.0))
    forged = Wire(7, key=bytes(32)).packets(spoken(0.2))
    video = wire.packet(b"picture", payload_type=101)
    disturbed = [
        other for packet in packets for other in (packet, packet, forged[0], video, b"\x81\xc8" + bytes(50), b"")
    ]
    heard = feed(receiver, disturbed)
    assert np.array_equal(sound_of(ASHA, heard), sound_of(ASHA, feed(named(ASHA), packets)))
    assert receiver.dropped == {
        Drop.REPLAYED: 50, Drop.FORGED: 50, Drop.FOREIGN: 50, Drop.RTCP: 50, Drop.TOO_SHORT: 50,
        Drop.LATE: 0, Drop.NOT_OPUS: 0,
    }  # fmt: skip


def named(user_id: int) -> Receiver:
    receiver = plain_receiver()
    receiver.name(7, user_id, 0.0)
    return receiver


def test_a_lost_packet_is_filled_in_and_a_broken_one_ends_only_itself() -> None:
    receiver = named(ASHA)
    wire = Wire(7)
    payloads = spoken(1.0)
    payloads[20] = b"\xff\xff no opus"
    packets = wire.packets(payloads)
    heard = feed(receiver, packets[:30] + packets[31:])
    assert len(sound_of(ASHA, heard)) == 16_000
    assert receiver.dropped[Drop.NOT_OPUS] == 1
    assert pitch_hz(sound_of(ASHA, heard)) == pytest.approx(PITCH_HZ, abs=2)


def test_a_broken_packet_that_time_brings_out_is_counted_too() -> None:
    receiver = named(ASHA)
    payloads = spoken(0.2)
    payloads[3] = b"\xff\xff no opus"
    packets = Wire(7).packets(payloads)
    feed(receiver, [*packets[:2], packets[3]])  # behind a lost one it waits
    assert receiver.dropped[Drop.NOT_OPUS] == 0
    receiver.tick(1.0)
    assert receiver.dropped[Drop.NOT_OPUS] == 1


def test_a_pause_is_told_as_silence_and_the_last_words_before_it_come_out() -> None:
    receiver = named(ASHA)
    wire = Wire(7)
    packets = wire.packets([*spoken(0.4), *[SILENCE] * 5])
    del packets[18]
    heard = feed(receiver, packets)
    heard += [piece for at in range(24, 100) for piece in receiver.tick(at * 0.020)]
    assert len(sound_of(ASHA, heard)) == 25 * 320
    assert sum(piece.milliseconds for piece in heard if isinstance(piece, Silence)) >= 1400


def test_in_a_sealed_call_members_are_heard_and_plain_frames_are_not() -> None:
    group = Group(ASHA, BEN, PRIYA)
    receiver = sealed_receiver(group)
    receiver.name(7, ASHA, 0.0)
    group[ASHA].begin_epoch(7)
    wire = Wire(7)
    sealed = wire.packets(group[ASHA].seal(7, payload) for payload in spoken(0.6))
    assert len(sound_of(ASHA, feed(receiver, sealed))) == 9600
    receiver.sealed_speech.begin(1)
    plain = wire.packets(spoken(0.2))
    assert sound_of(ASHA, feed(receiver, plain, 0.6)).size == 0
    assert receiver.dropped[Drop.UNDECRYPTABLE] == 10


def test_one_member_can_not_speak_as_another() -> None:
    group = Group(ASHA, BEN, PRIYA)
    receiver = sealed_receiver(group)
    receiver.name(7, ASHA, 0.0)
    group[BEN].begin_epoch(7)
    assert feed(receiver, Wire(7).packets(group[BEN].seal(7, payload) for payload in spoken(0.2))) == []
    assert receiver.dropped[Drop.UNDECRYPTABLE] == 10


def test_a_new_epoch_in_the_middle_of_a_word_loses_nothing() -> None:
    group = Group(ASHA, PRIYA)
    receiver = sealed_receiver(group)
    receiver.name(7, ASHA, 0.0)
    group[ASHA].begin_epoch(7)
    wire = Wire(7)
    payloads = spoken(1.0)
    sealed = wire.packets(group[ASHA].seal(7, payload) for payload in payloads[:25])
    group.join(Member(BEN, group.sender))
    receiver.sealed_speech.install(group[PRIYA].ratchets(ASHA, BEN))
    sealed += wire.packets(group[ASHA].seal(7, payload) for payload in payloads[25:30])  # still with the old key
    group[ASHA].begin_epoch(7)
    sealed += wire.packets(group[ASHA].seal(7, payload) for payload in payloads[30:])
    assert len(sound_of(ASHA, feed(receiver, sealed))) == 16_000
    assert not +receiver.dropped


def test_a_downgrade_and_an_upgrade_in_the_middle_of_a_word_lose_nothing() -> None:
    group = Group(ASHA, PRIYA)
    receiver = sealed_receiver(group)
    receiver.name(7, ASHA, 0.0)
    group[ASHA].begin_epoch(7)
    wire = Wire(7)
    payloads = spoken(1.0)
    sent = wire.packets(group[ASHA].seal(7, payload) for payload in payloads[:15])
    heard = feed(receiver, sent)
    receiver.sealed_speech.allow_plain()
    sent = wire.packets(group[ASHA].seal(7, payload) for payload in payloads[15:20]) + wire.packets(payloads[20:30])
    heard += feed(receiver, sent, 0.3)
    again = Group(ASHA, PRIYA)
    again[ASHA].begin_epoch(7)
    receiver.sealed_speech.install(again[PRIYA].ratchets(ASHA))
    sent = wire.packets(payloads[30:35]) + wire.packets(again[ASHA].seal(7, payload) for payload in payloads[35:])
    heard += feed(receiver, sent, 0.6)
    assert len(sound_of(ASHA, heard)) == 16_000
    assert not +receiver.dropped


def test_a_group_that_can_not_be_read_for_long_asks_to_be_joined_anew_once() -> None:
    group, other = Group(ASHA, PRIYA), Group(ASHA, PRIYA)
    receiver = sealed_receiver(group)
    receiver.name(7, ASHA, 0.0)
    other[ASHA].begin_epoch(7)
    packets = Wire(7).packets(other[ASHA].seal(7, payload) for payload in spoken(1.0))
    asked = []
    for packet in packets[:40]:
        receiver.datagram(packet, 0.0)
        asked.append(receiver.sealed_speech.has_lost_step())
    assert asked.index(True) == 35
    assert sum(asked) == 1


def test_who_leaves_is_forgotten_and_a_new_ssrc_is_the_same_person_again() -> None:
    receiver = named(ASHA)
    assert len(sound_of(ASHA, feed(receiver, Wire(7).packets(spoken(0.2))))) == 3200
    assert receiver.leave(ASHA) == [Left(ASHA)]
    assert receiver.leave(ASHA) == []
    receiver.name(70, ASHA, 1.0)
    assert len(sound_of(ASHA, feed(receiver, Wire(70).packets(spoken(0.2)), 1.0))) == 3200
    assert receiver.name(71, ASHA, 2.0) == [Left(ASHA)]
    assert feed(receiver, Wire(70, sequence=900).packets(spoken(0.2)), 2.0) == []


def test_an_ssrc_given_to_somebody_else_speaks_for_them_alone() -> None:
    receiver = named(ASHA)
    wire = Wire(7)
    feed(receiver, wire.packets(spoken(0.2)))
    receiver.name(7, BEN, 0.2)
    heard = feed(receiver, wire.packets(spoken(0.2)), 0.2)
    assert {piece.user_id for piece in heard if isinstance(piece, Sound)} == {BEN}
