from typing import get_args

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.commands.answering import refusal_of
from bot.commands.caller import Refused
from bot.voice.joining import CannotJoin, JoinRefusal
from config.phrases import FIELDS, KEYS
from tasks.dispatch import NotSent


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (Refused("no_dm"), "no_dm"),
        (NotSent("gone"), "not_sent"),
        (RedisConnectionError("gone"), "no_memory"),
        (ValueError("a bug"), "error"),
        *((CannotJoin(reason), f"cannot_join_{reason}") for reason in get_args(JoinRefusal.__value__)),
    ],
)
def test_every_error_has_a_phrase_that_needs_nothing_more(error: Exception, key: str) -> None:
    refused = refusal_of(error)
    assert refused.key == key
    assert key in KEYS
    assert not FIELDS.get(key)
