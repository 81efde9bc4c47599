"""Whose an SSRC is, as the gateway tells it."""

from bot.voice.speakers import MOST_HELD, MOST_STRANGERS, Held, Speakers

ASHA, ROHAN = 1001, 1002


def test_whoever_lost_their_ssrc_to_another_takes_nothing_along_when_they_leave() -> None:
    speakers = Speakers()
    speakers.name(7, ASHA)
    speakers.name(7, ROHAN)
    assert speakers.leave(ASHA) is None
    assert speakers.user_of(7) == ROHAN


def test_whoever_lost_their_ssrc_gets_a_new_one_and_the_robber_keeps_theirs() -> None:
    speakers = Speakers()
    speakers.name(7, ASHA)
    speakers.name(7, ROHAN)
    speakers.name(8, ASHA)
    assert (speakers.user_of(7), speakers.user_of(8)) == (ROHAN, ASHA)
    assert (speakers.leave(ASHA), speakers.leave(ROHAN)) == (8, 7)


def test_a_new_ssrc_of_somebody_ends_their_old_one() -> None:
    speakers = Speakers()
    speakers.name(7, ASHA)
    speakers.name(8, ASHA)
    assert (speakers.user_of(7), speakers.user_of(8)) == (None, ASHA)
    assert speakers.leave(ASHA) == 8


def test_what_came_early_waits_for_the_name_and_what_is_given_up_is_counted() -> None:
    speakers = Speakers()
    packets = [Held(n, 960 * n, b"sound", n / 50) for n in range(MOST_HELD + 2)]
    assert [speakers.hold(7, packet) for packet in packets] == [0] * MOST_HELD + [1, 1]
    assert speakers.name(7, ASHA) == packets[2:]
    assert speakers.name(7, ASHA) == []


def test_of_too_many_strangers_the_oldest_is_given_up_with_all_packets() -> None:
    speakers = Speakers()
    packet = Held(1, 960, b"sound", 0.0)
    assert [speakers.hold(1000, packet) for _ in range(3)] == [0, 0, 0]
    assert sum(speakers.hold(ssrc, packet) for ssrc in range(MOST_STRANGERS - 1)) == 0
    assert speakers.hold(2000, packet) == 3
    assert speakers.name(1000, ASHA) == []
