import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.messages import (
    Heard,
    Message,
    ReplyEnded,
    SaidText,
    Segment,
    SegmentBegun,
    Sentence,
    Turn,
    TurnDropped,
    TurnFailed,
    Utterance,
    WireError,
    Words,
    Work,
)

TURN = Turn("t1", "replies:1", "c1", "u1", "Asha", deadline=1000.5)
WORK = Work("fake", "host-1", 1.0, 2.0, 3.0, 4.0)
MESSAGES: list[Message] = [
    Utterance(TURN, "audio:t1:in", 1.5, 1.0, speculative=True),
    Utterance(TURN, "audio:t1:in", 290.0, 1.0, piece=2),
    SaidText(TURN, 'नमस्ते, kaise ho? "quoted"\n', "hi", 1.0),
    SaidText(replace(TURN, voice="heart", language="hinglish"), "Say this.", None, 1.0, verbatim=True),
    Sentence(TURN, 0, "Arre!", "en", 1.0),
    Heard(TURN, "hi", "en", 0.9, WORK),
    Words(TURN, "Arre ", 0, 1.0),
    SegmentBegun(TURN, 0, "audio:t1:0:beginning", 840, WORK),
    Segment(TURN, 0, "audio:t1:0", 840, WORK),
    ReplyEnded(TURN, 1, "Arre!", WORK),
    TurnFailed(TURN, "generate", "no-engine", "why", None),
    TurnDropped(TURN, "transcribe", "late"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.kind)
def test_what_is_sent_is_what_arrives(message: Message) -> None:
    assert Message.from_json(message.to_json()) == message


def test_every_kind_of_message_is_tried_here() -> None:
    assert {type(message) for message in MESSAGES} == set(Message.kinds.values())


def test_a_message_of_another_kind_is_refused() -> None:
    with pytest.raises(WireError, match="expected Sentence"):
        Sentence.from_wire(MESSAGES[0].to_wire())


def test_a_message_of_a_newer_version_is_refused() -> None:
    with pytest.raises(WireError, match="newer"):
        Message.from_wire({**MESSAGES[0].to_wire(), "version": 99})


def test_a_field_with_a_default_may_be_missing() -> None:
    wire = MESSAGES[0].to_wire()
    del wire["speculative"]
    message = Message.from_wire(wire)
    assert isinstance(message, Utterance)
    assert not message.speculative


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_of_others_is_taken_for_a_message(value: object) -> None:
    with pytest.raises(WireError):
        Message.from_json(json.dumps(value))


@given(st.binary())
def test_no_bytes_raise_anything_but_wire_error(data: bytes) -> None:
    with pytest.raises(WireError):
        Message.from_json(data)


@given(st.sampled_from(MESSAGES), st.data())
def test_a_message_with_a_spoilt_field_is_refused_or_equal(message: Message, data: st.DataObject) -> None:
    wire = message.to_wire()
    del wire[data.draw(st.sampled_from(sorted(wire)))]
    try:
        again = Message.from_wire(wire)
    except WireError:
        return
    assert isinstance(again, type(message))
