"""The bytes of a streamed answer, as providers of each dialect write them."""

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tests.fakes.providers.script import Fault, Finish

type Dialect = Literal["openai", "anthropic"]


class Wire(Protocol):
    """One answer's stream, from its beginning."""

    def say(self, text: str) -> bytes: ...
    def think(self, text: str) -> bytes: ...
    def fault(self, fault: Fault) -> bytes: ...
    def finish(self, finish: Finish) -> bytes: ...


def event(payload: object, *, name: str = "", newline: str = "\n") -> bytes:
    """One server-sent event."""
    data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    lines = [f"event: {name}"] if name else []
    return newline.join([*lines, f"data: {data}", "", ""]).encode()


@dataclass(slots=True)
class OpenAiWire:
    """Chunks of ``chat.completion``, usage when it was asked for, ``[DONE]``."""

    model: str
    wants_usage: bool
    newline: str = "\n"
    pieces: int = 0
    has_begun: bool = False

    def say(self, text: str) -> bytes:
        self.pieces += 1
        return self._begin() + self._chunk({"content": text})

    def think(self, text: str) -> bytes:
        return self._begin() + self._chunk({"reasoning": text, "reasoning_content": text})

    def fault(self, fault: Fault) -> bytes:
        return event(error_object("openai", fault), newline=self.newline)

    def finish(self, finish: Finish) -> bytes:
        end = self._begin() + self._chunk({}, finish.reason)
        if self.wants_usage:
            usage = {"prompt_tokens": 7, "completion_tokens": self.pieces, "total_tokens": 7 + self.pieces}
            end += event({**self._frame(), "choices": [], "usage": usage}, newline=self.newline)
        return end + (event("[DONE]", newline=self.newline) if finish.is_marked else b"")

    def _begin(self) -> bytes:
        if self.has_begun:
            return b""
        self.has_begun = True
        return self._chunk({"role": "assistant", "content": ""})

    def _chunk(self, delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return event({**self._frame(), "choices": [choice]}, newline=self.newline)

    def _frame(self) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self.model}


@dataclass(slots=True)
class AnthropicWire:
    """Events of Messages, thinking in a block of its own."""

    model: str
    newline: str = "\n"
    pieces: int = 0
    index: int = -1
    kind: str = ""

    def say(self, text: str) -> bytes:
        self.pieces += 1
        return self._block("text") + self._delta({"type": "text_delta", "text": text})

    def think(self, text: str) -> bytes:
        return self._block("thinking") + self._delta({"type": "thinking_delta", "thinking": text})

    def fault(self, fault: Fault) -> bytes:
        return event(error_object("anthropic", fault), name="error", newline=self.newline)

    def finish(self, finish: Finish) -> bytes:
        reason = {"stop": "end_turn", "length": "max_tokens"}.get(finish.reason, finish.reason)
        end = self._begin() + self._end_block()
        end += self._event(
            "message_delta",
            delta={"stop_reason": reason, "stop_sequence": None},
            usage={"output_tokens": self.pieces},
        )
        return end + (self._event("message_stop") if finish.is_marked else b"")

    def _begin(self) -> bytes:
        if self.index >= 0:
            return b""
        self.index = 0
        message: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 7, "output_tokens": 1},
        }
        return self._event("message_start", message=message) + self._event("ping")

    def _block(self, kind: str) -> bytes:
        start = self._begin()
        if kind == self.kind:
            return start
        start += self._end_block()
        self.kind = kind
        block = {"type": kind, "text" if kind == "text" else "thinking": ""}
        return start + self._event("content_block_start", index=self.index, content_block=block)

    def _end_block(self) -> bytes:
        if not self.kind:
            return b""
        self.kind = ""
        self.index += 1
        return self._event("content_block_stop", index=self.index - 1)

    def _delta(self, delta: dict[str, str]) -> bytes:
        return self._event("content_block_delta", index=self.index, delta=delta)

    def _event(self, name: str, **fields: object) -> bytes:
        return event({"type": name, **fields}, name=name, newline=self.newline)


def error_object(dialect: Dialect, fault: Fault) -> dict[str, Any]:
    """What goes wrong, in the words of the dialect."""
    if dialect == "anthropic":
        return {"type": "error", "error": {"type": fault.code, "message": fault.message}}
    return {"error": {"message": fault.message, "type": fault.code, "code": fault.code, "param": None}}


def model_list(dialect: Dialect, models: tuple[str, ...]) -> dict[str, Any]:
    """The answer to ``GET /models``."""
    if dialect == "anthropic":
        data = [{"type": "model", "id": model, "display_name": model} for model in models]
        return {"data": data, "has_more": False, "first_id": None, "last_id": None}
    return {"object": "list", "data": [{"id": model, "object": "model", "owned_by": "somebody"} for model in models]}
