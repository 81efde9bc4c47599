"""Between any two tokens generate looks whether its turn is still wanted."""

from collections.abc import Iterator
from typing import cast

import pytest

from tasks.generate import Draft, _plain_texts
from tasks.stage import Delivery, NotWanted
from workers.engines import Delta


class Impatient:
    """A delivery that is cancelled once so many tokens were written."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self.written = 0

    def deltas(self) -> Iterator[Delta]:
        for number in range(40):
            self.written += 1
            yield Delta(f"word{number} ", "fake-mind")

    def stop_if_unwanted(self) -> None:
        if self.written >= self._tokens:
            raise NotWanted("cancelled")


@pytest.mark.parametrize("tokens", [1, 2, 7, 19, 21, 39])
def test_no_token_is_asked_for_once_nobody_wants_it(tokens: int) -> None:
    delivery = Impatient(tokens)
    with pytest.raises(NotWanted):
        list(_plain_texts(delivery.deltas(), cast("Delivery", delivery), Draft()))
    assert delivery.written == tokens
