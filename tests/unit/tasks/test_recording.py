import json
from dataclasses import asdict

from tasks.recording import SoFar
from workers.engines import Transcript
from workers.speech_to_text.long_speech import HeardPiece

HEARD = [
    HeardPiece(27.5, Transcript("नमस्ते, I said", "hi", 0.7, "ear")),
    HeardPiece(21.0, Transcript("", "en", 0.0)),
]
KEPT = {str(piece).encode(): json.dumps(asdict(heard)).encode() for piece, heard in enumerate(HEARD)}


def test_what_was_heard_comes_back_in_its_order() -> None:
    assert SoFar.of({}) == SoFar([])
    assert SoFar.of(dict(reversed(KEPT.items()))) == SoFar(HEARD)


def test_what_follows_a_piece_that_is_missing_is_heard_again() -> None:
    assert SoFar.of({b"1": KEPT[b"1"]}) == SoFar([])
    assert SoFar.of({b"0": KEPT[b"0"], b"2": KEPT[b"1"]}) == SoFar(HEARD[:1])


def test_it_is_known_that_all_was_told() -> None:
    assert SoFar.of({**KEPT, b"told": b"1"}) == SoFar(HEARD, is_told=True)
