"""Whose an SSRC is, as the gateway tells it."""

from bot.voice.speakers import HELD_SECONDS, Held, Speakers

ASHA, ROHAN = 1001, 1002


def test_whoever_lost_their_ssrc_to_another_takes_nothing_along_when_they_leave() -> None:
    speakers = Speakers()
    speakers.name(7, ASHA, 0.0)
    speakers.name(7, ROHAN, 1.0)
    assert speakers.leave(ASHA) is None
    assert speakers.user_of(7) == ROHAN


def test_whoever_lost_their_ssrc_gets_a_new_one_and_the_robber_keeps_theirs() -> None:
    speakers = Speakers()
    speakers.name(7, ASHA, 0.0)
    speakers.name(7, ROHAN, 1.0)
    speakers.name(8, ASHA, 2.0)
    assert (speakers.user_of(7), speakers.user_of(8)) == (ROHAN, ASHA)
    assert (speakers.leave(ASHA), speakers.leave(ROHAN)) == (8, 7)


def test_a_new_ssrc_of_somebody_ends_their_old_one() -> None:
    speakers = Speakers()
    speakers.name(7, ASHA, 0.0)
    speakers.name(8, ASHA, 1.0)
    assert (speakers.user_of(7), speakers.user_of(8)) == (None, ASHA)
    assert speakers.leave(ASHA) == 8


def test_what_was_said_too_long_before_the_name_came_is_not_brought() -> None:
    speakers = Speakers()
    early, late = Held(1, 960, b"early", 0.0), Held(2, 1920, b"late", 1.0)
    assert speakers.hold(7, early)
    assert speakers.hold(7, late)
    assert speakers.name(7, ASHA, HELD_SECONDS + 0.5) == [late]
