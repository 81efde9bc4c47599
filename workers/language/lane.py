"""One llama.cpp context that remembers several conversations, so that none reads its prompt twice.

A ``Seat`` is one sequence of the context and belongs to one conversation; the least recently used seat is given to
a new one. Whatever beginning a prompt shares with any seat, most of all the persona, is copied and not read again.
All methods must be called by one thread at a time (see turnstile.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from workers.language.native import CacheFull, ContextShape, NativeContext, NativeModel, Sampler, Token, shared

WORTH_COPYING = 8
"""Tokens that another seat must share more than the own one before it is copied."""
WORTH_MOVING = 32
"""Tokens that must follow a gap before it is closed: fewer are read as quickly."""


@dataclass(slots=True, eq=False)
class Seat:
    number: int
    conversation: str | None = None
    tokens: list[Token] = field(default_factory=list)
    """What the sequence holds, in order."""
    used_at: int = 0


class Lane:
    """Raises NativeFailure; after it, ``rebuild`` before anything else."""

    def __init__(self, model: NativeModel, shape: ContextShape) -> None:
        self._model = model
        self._shape = shape
        self._clock = 0
        self.context = NativeContext(model, shape)
        self._seats = _empty_seats(shape)
        self.prompt_tokens_read = 0
        self.tokens_generated = 0

    def sit(self, conversation: str, prompt: Sequence[Token]) -> Seat:
        """The seat of ``conversation``, holding as much of the beginning of ``prompt`` as is known already."""
        seat = self._seat_of(conversation)
        known = shared(seat.tokens, prompt)
        other = max(self._seats, key=lambda each: shared(each.tokens, prompt))
        if shared(other.tokens, prompt) > known + WORTH_COPYING:
            self.context.copy(other.number, seat.number)
            seat.tokens = list(other.tokens)
            known = shared(seat.tokens, prompt)
        known = self._close_gap(seat, known, prompt)
        # The last token is always decoded: sampling needs its logits.
        kept = self.context.keep(seat.number, min(known, len(prompt) - 1))
        seat.tokens = seat.tokens[:kept]
        return seat

    def knows_all_but(self, few: int, conversation: str, prompt: Sequence[Token]) -> bool:
        """Whether the conversation's seat holds ``prompt`` up to so few tokens, and nobody is forgotten for them."""
        own = next((seat for seat in self._seats if seat.conversation == conversation), None)
        if own is None or not 0 < len(prompt) - shared(own.tokens, prompt) <= few:
            return False
        others = (len(seat.tokens) - shared(seat.tokens, own.tokens) for seat in self._seats if seat is not own)
        return len(own.tokens) + sum(others) + few <= self._shape.cells

    def read(self, seat: Seat, prompt: Sequence[Token], *, at_once: int | None = None) -> Iterator[None]:
        """Decode what the seat doesn't hold yet of ``prompt``; comes up for air after each batch, of ``at_once`` tokens
        if that is given."""
        while len(seat.tokens) < len(prompt):
            start = len(seat.tokens)
            batch = prompt[start : start + (at_once or self._shape.batch)]
            self._decode(seat, batch)
            self.prompt_tokens_read += len(batch)
            yield

    def draw(self, sampler: Sampler) -> Token:
        """The next token of the answer, which is not yet part of the seat."""
        self.tokens_generated += 1
        return sampler.draw(self.context)

    def append(self, seat: Seat, token: Token) -> None:
        self._decode(seat, [token])

    def rebuild(self) -> None:
        """A new context in place of a broken one. All conversations will be read again."""
        self.context.close()
        self._seats = _empty_seats(self._shape)
        self.context = NativeContext(self._model, self._shape)

    def close(self) -> None:
        self.context.close()

    def _close_gap(self, seat: Seat, known: int, prompt: Sequence[Token]) -> int:
        """Old turns are dropped from the middle, behind the persona: what follows them is moved up instead of being
        read again, if nobody else shares it. Returns how much of the beginning of ``prompt`` the seat holds now."""
        gap = _gap(seat.tokens, prompt, known)
        if not gap or not self.context.can_close_gaps:
            return known
        if any(shared(other.tokens, seat.tokens) > known for other in self._seats if other is not seat):
            return known
        self.context.close_gap(seat.number, known, known + gap)
        seat.tokens = seat.tokens[:known] + seat.tokens[known + gap :]
        return shared(seat.tokens, prompt)

    def _seat_of(self, conversation: str) -> Seat:
        own = [seat for seat in self._seats if seat.conversation == conversation]
        seat = own[0] if own else min(self._seats, key=lambda each: each.used_at)
        self._clock += 1
        seat.used_at = self._clock
        seat.conversation = conversation
        return seat

    def _decode(self, seat: Seat, tokens: Sequence[Token]) -> None:
        while True:
            try:
                self.context.decode(seat.number, tokens, len(seat.tokens))
            except CacheFull:
                self._forget_oldest_but(seat)
            else:
                seat.tokens += tokens
                return

    def _forget_oldest_but(self, seat: Seat) -> None:
        """Make room. Raises CacheFull when there is nobody left to forget."""
        others = [each for each in self._seats if each is not seat and each.tokens]
        if not others:
            raise CacheFull("one conversation fills the whole cache")
        oldest = min(others, key=lambda each: each.used_at)
        self.context.keep(oldest.number, 0)
        oldest.tokens = []


def _empty_seats(shape: ContextShape) -> list[Seat]:
    return [Seat(number) for number in range(shape.sequences)]


def _gap(known: Sequence[Token], prompt: Sequence[Token], start: int) -> int:
    """How many tokens of ``known`` are missing from ``prompt`` at ``start``, if much of what follows them is there;
    else 0."""
    wanted = list(prompt[start : start + WORTH_MOVING])
    if len(wanted) < WORTH_MOVING:
        return 0
    ends = range(start + 1, len(known) - WORTH_MOVING + 1)
    return next((end - start for end in ends if known[end : end + WORTH_MOVING] == wanted), 0)
