"""Priya's answers from a GGUF model in this process, with llama.cpp."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from jinja2 import TemplateError

from config.models import ModelRefused, verified_folder
from config.persona import PersonaError, persona
from config.settings import Settings
from workers.engines import ChatMessage, Conversation, Delta
from workers.errors import BadInput, EngineBusy, EngineMisconfigured, EngineUnavailable
from workers.language.cores import physical_cores
from workers.waiting_threads import wait_briefly

NAME: Final = "llama.cpp"
wait_briefly()

from workers.language.lane import Lane, Seat  # noqa: E402
from workers.language.native import (  # noqa: E402
    CacheFull,
    ContextShape,
    NativeFailure,
    NativeModel,
    Sampler,
    Sampling,
    Token,
)
from workers.language.own_words import OwnWords  # noqa: E402
from workers.language.prompt import ChatTemplate, PromptTooLong, PromptWriter  # noqa: E402
from workers.language.reply_text import THOUGHT_BEGINS, ReplyText  # noqa: E402
from workers.language.turnstile import Turnstile  # noqa: E402

CONVERSATIONS: Final = 8
"""Conversations that are remembered token by token."""
CELLS_PER_CONTEXT: Final = 2
"""The cache holds so many times the longest conversation, shared by all. Most are far shorter."""
LOOK_UP_SECONDS: Final = 0.05
"""While waiting for the lane, an empty string is given this often."""
SHORTEST_BATCH: Final = 8
LONGEST_BATCH: Final = 32
"""Prompts are read no quicker in larger batches (see docs/language.md), but from 64 tokens on the CPU's attention
adds up in another order. Below that an answer is the same to the last bit, whatever was in the cache before."""
CPU_BATCH_WORK: Final = 10_000_000_000
"""Parameters times tokens that two CPU cores get through in some 0.2 s: how long a cancel may go unseen."""
GPU_BATCH: Final = 512
MOST_READ_AHEAD: Final = 16
"""Tokens. A template has some five around a message, and an answer that was cut short ends in another token or two."""
READ_AHEAD_AT_ONCE: Final = 4
"""Half a second of a model of seven billion parameters on two cores: so long may somebody wait who comes meanwhile."""
SMALL_MODEL: Final = 500_000_000
"""Parameters below which a token is so quick that threads wait for each other more than they compute."""
LATIN_ONLY: Final = 200_000_000
"""Parameters below which a model knows no script but Latin. Measured with the starter model; one of half a billion may
have been taught Hindi."""
MOST_THREADS_SMALL: Final = 4
NAMES_EMOTIONS: Final = 1_000_000_000
"""Parameters from which a model is told to name its emotions. A smaller one takes the telling for the talk: it is shown
the same prompt with emotions as without."""


def load(settings: Settings) -> "LlamaChat":
    """The model of ``settings.language_model``, warmed up by a tiny answer. Raises EngineMisconfigured and
    EngineUnavailable."""
    try:
        folder = verified_folder(settings.models_folder, settings.language_model)
    except ModelRefused as error:
        raise EngineMisconfigured(NAME, str(error)) from error
    try:
        chat = LlamaChat(NativeModel(_gguf_in(folder)), settings.context_tokens, queue_patience=settings.model_timeout)
    except NativeFailure as error:
        raise EngineMisconfigured(NAME, f"{settings.language_model}: {error}") from error
    chat.warm_up(_persona())
    return chat


def _persona() -> str:
    """What all conversations will begin with, up to the name of who is spoken with."""
    try:
        return persona().system_prompt([""])
    except PersonaError as error:
        raise EngineMisconfigured(NAME, str(error)) from error


def _gguf_in(folder: Path) -> Path:
    """The model's file; of a model in several parts the first, which llama.cpp takes for all."""
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise EngineMisconfigured(NAME, f"there is no .gguf file in {folder.name}")
    return files[0]


class LlamaChat:
    """A ChatModel with one lane: answers are written one after the other, in the order in which they were asked
    for. May be called from many threads; whoever waits gets empty strings meanwhile."""

    name = NAME

    def __init__(
        self,
        model: NativeModel,
        context_tokens: int,
        *,
        shape: ContextShape | None = None,
        queue_patience: float = 30.0,
    ) -> None:
        """Raises NativeFailure."""
        if not model.can_chat:
            raise NativeFailure("it is no model that answers")
        self._model = model
        self._context_tokens = min(context_tokens, model.trained_context)
        self._queue_patience = queue_patience
        try:
            self._own_words = OwnWords(model)
            self._writer = PromptWriter(model, ChatTemplate.of(model), self._context_tokens, self._own_words)
        except TemplateError as error:
            raise NativeFailure(f"its chat template is broken: {error}") from error
        self._lane = Lane(model, shape or fitting_shape(model, self._context_tokens))
        self._is_broken = False
        self._turnstile = Turnstile()
        self._banned = _never_drawn(model)

    @property
    def tokens_generated(self) -> int:
        """Tokens drawn since it was loaded, those of abandoned answers included."""
        return self._lane.tokens_generated

    @property
    def prompt_tokens_read(self) -> int:
        """Tokens of prompts that were read since it was loaded, those found in the cache excluded."""
        return self._lane.prompt_tokens_read

    def reply(self, conversation: Conversation) -> Generator[Delta]:
        """See ChatModel. Raises BadInput for a conversation with nothing to answer, EngineBusy when the lane isn't
        free in time, EngineUnavailable when llama.cpp breaks; the next answer finds a new context then."""
        with closing(self._reply(conversation)) as texts:
            for text in texts:
                yield Delta(text, NAME)

    def _reply(self, conversation: Conversation) -> Generator[str]:
        self._check(conversation)
        ticket = self._turnstile.ticket()
        try:
            yield from self._queue(ticket)
            yield from self._answer(conversation, self._write(conversation))
        except NativeFailure as error:
            self._is_broken = True
            raise EngineUnavailable(NAME, str(error)) from error
        finally:
            self._turnstile.leave(ticket)

    def read_ahead(self, conversation: Conversation) -> None:
        """See ReadsAhead. Only the few tokens that stand around her answer: more may be read in vain, while somebody
        waits."""
        ticket = self._turnstile.ticket()
        try:
            # The answer before may still be at its last token.
            if not self._turnstile.is_open_for(ticket, patience=LOOK_UP_SECONDS) or self._is_broken:
                return
            prompt = self._writer.beginning(self._told(conversation))
            if self._lane.knows_all_but(MOST_READ_AHEAD, conversation.id, prompt):
                self._read_while_nobody_waits(self._lane.sit(conversation.id, prompt), prompt)
        except CacheFull:
            return  # nothing was changed
        except NativeFailure:
            self._is_broken = True
        except (PromptTooLong, TemplateError, ValueError, TypeError):
            return  # the next answer will say so
        finally:
            self._turnstile.leave(ticket)

    def _read_while_nobody_waits(self, seat: Seat, prompt: list[Token]) -> None:
        # A cache that can't go back may have forgotten all when it should have forgotten the end.
        if len(prompt) - len(seat.tokens) > MOST_READ_AHEAD:
            return
        for _ in self._lane.read(seat, prompt, at_once=READ_AHEAD_AT_ONCE):
            if self._turnstile.waiting > 1:
                return

    def warm_up(self, system: str) -> None:
        """Touch every weight, let llama.cpp make its buffers, and read the system message that conversations will
        begin with, so that the first answer is as quick as others."""
        hello = (ChatMessage("system", system), ChatMessage("user", "Hi"))
        for _ in self.reply(Conversation("", hello, max_tokens=2, temperature=0)):
            pass

    def close(self) -> None:
        """Free the context. The model is its owner's to free."""
        self._lane.close()

    def _check(self, conversation: Conversation) -> None:
        newest = conversation.messages[-1] if conversation.messages else None
        if newest is None or newest.role != "user" or not newest.text.strip():
            raise BadInput(NAME, "there is nothing to answer")
        if conversation.max_tokens < 1:
            raise BadInput(NAME, "an answer of no tokens was asked for")

    def _write(self, conversation: Conversation) -> list[Token]:
        try:
            return self._writer.write(self._told(conversation))
        except PromptTooLong as error:
            raise EngineMisconfigured(NAME, str(error)) from error
        except (TemplateError, ValueError, TypeError) as error:
            raise EngineMisconfigured(NAME, f"its chat template refuses the conversation: {error}") from error

    def _told(self, conversation: Conversation) -> Conversation:
        """With the hint about emotions behind the system message, if the model is large enough for it."""
        if not conversation.emotions_hint or self._model.parameters < NAMES_EMOTIONS:
            return conversation
        return with_hint(conversation)

    def _queue(self, ticket: object) -> Iterator[str]:
        looks = max(1, round(self._queue_patience / LOOK_UP_SECONDS))
        for _ in range(looks):
            if self._turnstile.is_open_for(ticket, patience=LOOK_UP_SECONDS):
                return
            yield ""
        raise EngineBusy(NAME, f"its lane was not free within {self._queue_patience:g} s")

    def _answer(self, conversation: Conversation, prompt: list[Token]) -> Iterator[str]:
        if self._is_broken:
            self._lane.rebuild()
            self._is_broken = False
        # Where chance decides, a last bit is nothing; who fixes it wants the same answer again.
        self._lane.context.is_repeatable = conversation.temperature <= 0 or conversation.seed is not None
        seat = self._lane.sit(conversation.id, prompt)
        for _ in self._lane.read(seat, prompt):
            yield ""
        sampler = Sampler(self._model, Sampling(conversation.temperature, conversation.seed), self._banned)
        try:
            yield from self._generate(conversation, seat, sampler)
        finally:
            sampler.close()
            self._own_words.remember(conversation.id, seat.tokens[len(prompt) :])

    def _generate(self, conversation: Conversation, seat: Seat, sampler: Sampler) -> Iterator[str]:
        so_far = conversation.answer_so_far
        text = ReplyText(swallow_space=not so_far or so_far[-1].isspace())
        left = conversation.max_tokens - len(self._model.tokenize(so_far))
        for _ in range(min(left, self._context_tokens - len(seat.tokens))):
            token = self._lane.draw(sampler)
            if self._model.ends_reply(token):
                break
            yield text.feed(self._model.piece(token))
            if text.has_ended:
                break
            self._lane.append(seat, token)
        yield text.finish()


def with_hint(conversation: Conversation) -> Conversation:
    """Told how to name emotions: behind the system message, which is made if there is none."""
    first, *others = conversation.messages
    if first.role != "system":
        first, others = ChatMessage("system", ""), [first, *others]
    text = f"{first.text}\n{conversation.emotions_hint}".lstrip()
    return replace(conversation, messages=(ChatMessage("system", text), *others), emotions_hint="")


def _never_drawn(model: NativeModel) -> list[Token]:
    """Thoughts; and of tiny models, which know no Hindi and don't listen when they are told to leave emoji out, all
    that is not Latin. One such letter brings the next, until a conversation is only letters without a meaning."""
    thought = model.tokenize(THOUGHT_BEGINS, special=True)
    never = thought if len(thought) == 1 else []
    return [*never, *model.tokens_beyond_latin] if model.parameters < LATIN_ONLY else never


def fitting_shape(model: NativeModel, context_tokens: int) -> ContextShape:
    """Sizes for this model on this machine; see docs/language.md for the measurements."""
    cores = physical_cores()
    is_small = model.parameters < SMALL_MODEL
    batch = GPU_BATCH if model.on_gpu else SHORTEST_BATCH
    while batch < LONGEST_BATCH and batch * 2 * model.parameters <= CPU_BATCH_WORK * max(1, cores // 2):
        batch *= 2
    return ContextShape(
        cells=context_tokens * CELLS_PER_CONTEXT,
        sequences=CONVERSATIONS,
        batch=batch,
        threads=max(1, min(MOST_THREADS_SMALL, cores - 1)) if is_small else cores,
        threads_batch=cores,
        idle_threads=min(MOST_THREADS_SMALL, cores) if is_small and not model.on_gpu else 0,
    )
