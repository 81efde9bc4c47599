"""Write a conversation as the tokens that a model was trained to see, within the room there is.

The chat template comes from the GGUF and runs in jinja's sandbox. What doesn't fit is dropped from the oldest turns.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Self

from jinja2 import TemplateError
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from workers.engines import ChatMessage, Conversation
from workers.language.native import NativeModel, Token, shared
from workers.language.own_words import OwnWords

CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN: Final = (
    "{% for message in messages %}{% if message.role != 'system' %}{{ message.role | capitalize }}: {% endif %}"
    "{{ message.content }}\n\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For base models, which know no roles: a play with two speakers."""
MESSAGE_OVERHEAD: Final = 6
"""Tokens around a message, for estimates only."""
DROP_STEP: Final = 0.3
"""Part of the room that is dropped at a time. Dropping more than needed leaves the next turns' prompts with the
same beginning, so that they need not be read anew each time."""
SHORTEST_CUT: Final = 16
CUT_MARK: Final = " ... "
UNLIKE: Final = ("A", "?")
"""Two messages that begin with tokens of their own."""


class PromptTooLong(Exception):
    """The system message alone leaves no room for an answer."""


class ChatTemplate:
    """The model's own way of writing messages. What it refuses is told in a way that it takes."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "") -> None:
        """``source`` in jinja; ``bos`` and ``eos`` are the spellings that it may use. Raises jinja2.TemplateError."""
        self._formatter = Jinja2ChatFormatter(template=source, eos_token=eos, bos_token=bos)
        self._thinks_in_channels = "<|channel|>" in source
        self._takes_system = self._shows("system", "user")
        self._takes_assistant_first = self._shows(*(["system"] if self._takes_system else []), "assistant", "user")

    @classmethod
    def of(cls, model: NativeModel) -> Self:
        """The template in the model's file, or one that suits its vocabulary."""
        fallback = CHATML if "<|im_start|>" in model.control_texts() else PLAIN
        return cls(model.chat_template or fallback, bos=model.bos_text, eos=model.eos_text)

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """The prompt up to where the answer begins. Raises jinja2.TemplateError or ValueError when the template
        can't write these messages."""
        return _beyond_thinking(self._render(self._adapted(messages)), in_channels=self._thinks_in_channels)

    def _render(self, messages: Sequence[ChatMessage]) -> str:
        rows: list[Any] = [{"role": message.role, "content": message.text} for message in messages]
        prompt: str = self._formatter(messages=rows, enable_thinking=False).prompt
        return prompt

    def _shows(self, *roles: str) -> bool:
        """Whether a conversation of these roles is written without complaint and without leaving one out."""
        probe = [ChatMessage(role, f"probe{n}x") for n, role in enumerate(roles)]  # type: ignore[arg-type]
        try:
            text = self._render(probe)
        except (TemplateError, ValueError, TypeError):
            return False
        return all(message.text in text for message in probe)

    def _adapted(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        adapted = list(messages)
        start = 1 if adapted[0].role == "system" else 0
        needs_user_first = not self._takes_assistant_first or (start and not self._takes_system)
        if needs_user_first and adapted[start].role == "assistant":
            adapted.insert(start, ChatMessage("user", "..."))
        if start and not self._takes_system:
            system, first, *rest = adapted
            adapted = [ChatMessage("user", f"{system.text}\n\n{first.text}"), *rest]
        return adapted


def _beyond_thinking(prompt: str, *, in_channels: bool) -> str:
    """Prompts that open the model's thoughts get them closed: she is asked to speak, not to ponder aloud."""
    if prompt.rstrip().endswith("<think>"):
        return f"{prompt.rstrip()}\n\n</think>\n\n"
    if in_channels and prompt.rstrip().endswith("<|start|>assistant"):
        return f"{prompt.rstrip()}<|channel|>final<|message|>"
    return prompt


class PromptWriter:
    """Conversations to tokens. ``context_tokens`` is the room for prompt and answer together. Thread-safe."""

    def __init__(
        self, model: NativeModel, template: ChatTemplate, context_tokens: int, own_words: OwnWords | None = None
    ) -> None:
        self._model = model
        self._own_words = own_words
        self._template = template
        self._context_tokens = context_tokens
        controls = sorted(model.control_texts(), key=len, reverse=True)
        self._controls = re.compile("|".join(map(re.escape, controls)) or r"(?!)")

    def write(self, conversation: Conversation) -> list[Token]:
        """The prompt's tokens, the beginning of the answer included. Raises PromptTooLong, and what the template
        raises."""
        room = self._context_tokens - min(conversation.max_tokens, self._context_tokens // 2)
        messages = self._tidy(conversation.messages)
        so_far = self._controls.sub(" ", conversation.answer_so_far).rstrip()
        talk = conversation.id
        tokens = self._encode(talk, messages, so_far)
        if len(tokens) > room:
            messages = self._without_oldest(messages, len(tokens) - room, room)
            tokens = self._encode(talk, messages, so_far)
        while len(tokens) > room:
            messages = self._with_shorter_newest(messages, len(tokens) - room, room)
            tokens = self._encode(talk, messages, so_far)
        return tokens

    def beginning(self, conversation: Conversation) -> list[Token]:
        """What the prompt begins with, whatever the newest message will say. Raises what ``write`` raises."""
        one, other = (
            self.write(replace(conversation, messages=(*conversation.messages[:-1], ChatMessage("user", text))))
            for text in UNLIKE
        )
        return one[: shared(one, other)]

    def _tidy(self, messages: Sequence[ChatMessage]) -> list[ChatMessage]:
        """Blank messages left out, neighbours of one role joined, and control tokens' spellings taken out, with
        which a person could speak as the system."""
        tidy: list[ChatMessage] = []
        for message in messages:
            text = self._controls.sub(" ", message.text).strip()
            if not text:
                continue
            if tidy and tidy[-1].role == message.role:
                text = f"{tidy.pop().text}\n{text}"
            tidy.append(ChatMessage(message.role, text))
        return tidy

    def _encode(self, talk: str, messages: Sequence[ChatMessage], so_far: str) -> list[Token]:
        """Her earlier answers in the tokens that wrote them, all else as the tokenizer has it."""
        text = self._template.render(messages) + so_far
        tokens: list[Token] = []
        done = 0
        for message in messages:
            own = self._own_tokens(talk, message)
            start = text.find(message.text, done) if own else -1
            if own and start >= 0:
                tokens += self._model.tokenize(text[done:start], special=True) + own
                done = start + len(message.text)
        tokens += self._model.tokenize(text[done:], special=True)
        first = self._model.first_token
        return tokens if first is None or tokens[:1] == [first] else [first, *tokens]

    def _own_tokens(self, talk: str, message: ChatMessage) -> list[Token] | None:
        if self._own_words is None or message.role != "assistant":
            return None
        return self._own_words.tokens_of(talk, message.text)

    def _without_oldest(self, messages: list[ChatMessage], excess: int, room: int) -> list[ChatMessage]:
        step = room * DROP_STEP
        to_drop = math.ceil(excess / step) * step
        start = 1 if messages[0].role == "system" else 0
        end = start
        dropped = 0
        while end < len(messages) - 1 and (dropped < to_drop or messages[end].role == "assistant"):
            dropped += len(self._model.tokenize(messages[end].text)) + MESSAGE_OVERHEAD
            end += 1
        return messages[:start] + messages[end:]

    def _with_shorter_newest(self, messages: list[ChatMessage], excess: int, room: int) -> list[ChatMessage]:
        """Cut the middle out of the newest message, to half of the room at most, since reading takes time too: one
        third of what is left from its beginning, two from its end, where the question is. Raises PromptTooLong when
        nothing sensible would be left."""
        newest = messages[-1]
        tokens = self._model.tokenize(newest.text)
        left = min(len(tokens) - excess - 2 * MESSAGE_OVERHEAD, room // 2)
        if left < SHORTEST_CUT:
            raise PromptTooLong(f"a persona longer than {self._context_tokens} tokens allow; raise CONTEXT_TOKENS")
        head = self._model.text(tokens[: left // 3])
        tail = self._model.text(tokens[len(tokens) - left + left // 3 :])
        return [*messages[:-1], ChatMessage(newest.role, f"{head.rstrip()}{CUT_MARK}{tail.lstrip()}")]
