import json
from dataclasses import asdict

from tasks.recording import kept_pieces
from workers.engines import Transcript
from workers.speech_to_text.long_speech import HeardPiece

HEARD = [
    HeardPiece(27.5, Transcript("नमस्ते, I said", "hi", 0.7, "ear")),
    HeardPiece(21.0, Transcript("", "en", 0.0)),
]
KEPT = {str(piece).encode(): json.dumps(asdict(heard)).encode() for piece, heard in enumerate(HEARD)}


def test_what_was_heard_comes_back_in_its_order() -> None:
    assert kept_pieces({}, 0) == []
    assert kept_pieces(dict(reversed(KEPT.items())), 2) == HEARD


def test_what_a_second_delivery_heard_further_on_is_not_before_it() -> None:
    assert kept_pieces(KEPT, 1) == HEARD[:1]


def test_a_piece_that_is_gone_is_not_passed_over() -> None:
    assert kept_pieces({b"1": KEPT[b"1"]}, 2) is None
