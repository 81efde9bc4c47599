"""A small part of what ``python -m tests.bench.voice_fuzz`` tries a million times."""

import pytest

from bot.voice.rtp import Drop
from bot.voice.transport import AES_GCM, XCHACHA
from tests.bench.voice_fuzz import fuzz


@pytest.mark.parametrize(("seed", "mode"), [(0, XCHACHA), (1, XCHACHA), (2, AES_GCM)])
def test_whatever_is_sent_nothing_breaks_and_no_forgery_is_heard(seed: int, mode: str) -> None:
    outcome = fuzz(4_000, seed, mode)
    assert outcome.accepted_forgeries == 0
    assert outcome.forged > 1_000
    assert outcome.sounds > 100
    every_way_out = set(Drop) - {Drop.UNKNOWN_SPEAKER, Drop.NOT_HEARD, Drop.LATE}
    assert every_way_out <= set(+outcome.dropped)
