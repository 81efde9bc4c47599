"""llama.cpp's C interface as two small objects: a model's vocabulary and weights, and a context that decodes.

All ctypes is here. Nothing in this file is guarded by a lock: a ``NativeModel`` only reads and may be shared by
threads (what it has spelled before, any of them may keep), a ``NativeContext`` belongs to one thread at a time.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import llama_cpp.llama_cpp as api
from loguru import logger

from workers.language.cores import idle_cores

type Token = int


def shared(known: Sequence[Token], prompt: Sequence[Token]) -> int:
    """How many tokens are the same from the beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(known, prompt, strict=False)))


BEYOND_LATIN: Final = frozenset(range(0xC6, 0x100)) - {0xE2}
"""First bytes in UTF-8 (RFC 3629) of what is neither Latin (up to U+017F) nor a dash, a quotation mark or the like
(from U+2000 on)."""
KV_IS_FULL: Final = 1
"""What ``llama_decode`` says when no cells are free; the cache is as it was before."""
_WORTH_LOGGING: Final = {2: "DEBUG", 3: "DEBUG", 4: "WARNING"}
"""ggml's levels INFO, WARN and ERROR as ours. Its DEBUG has a line for every tensor of a graph."""


class NativeFailure(Exception):
    """llama.cpp could not load, allocate or decode."""


class CacheFull(NativeFailure):
    """No free cells for a batch. Nothing was changed: free some and decode it again."""


@cache
def _backend() -> None:
    """Start llama.cpp once in this process and send what it has to say to our log instead of stderr."""
    api.llama_log_set(_log, ctypes.c_void_p(0))
    api.llama_backend_init()


@api.llama_log_callback  # type: ignore[untyped-decorator]
def _log(level: int, text: bytes, _data: object) -> None:
    if level in _WORTH_LOGGING:
        logger.log(_WORTH_LOGGING[level], "llama.cpp: {}", text.decode("utf-8", "replace").strip())


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. ``temperature`` 0 takes the likeliest; ``seed`` None draws a new one."""

    temperature: float = 0.95
    seed: int | None = None
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.1
    repeat_window: int = 64
    """Tokens of the answer in which a token's return is made less likely."""


class NativeModel:
    """A GGUF file's weights and vocabulary. Raises NativeFailure when it can't be read."""

    def __init__(self, path: Path, *, gpu_layers: int = -1) -> None:
        _backend()
        params = api.llama_model_default_params()
        params.n_gpu_layers = gpu_layers if api.llama_supports_gpu_offload() else 0
        self.on_gpu = params.n_gpu_layers != 0
        self.handle = api.llama_model_load_from_file(str(path).encode(), params)
        if not self.handle:
            raise NativeFailure(f"{path.name} is no model that llama.cpp can read")
        self.vocab = api.llama_model_get_vocab(self.handle)
        self._pieces: dict[tuple[Token, bool], bytes] = {}
        """Spelled before: her earlier answers are compared token by token at every turn."""
        self.vocabulary_size: int = api.llama_vocab_n_tokens(self.vocab)
        self.parameters: int = api.llama_model_n_params(self.handle)
        self.trained_context: int = api.llama_model_n_ctx_train(self.handle)
        self.can_chat = bool(api.llama_model_has_decoder(self.handle)) and not api.llama_model_has_encoder(self.handle)

    @property
    def chat_template(self) -> str | None:
        template: bytes | None = api.llama_model_chat_template(self.handle, None)
        return template.decode("utf-8", "replace") if template else None

    @property
    def first_token(self) -> Token | None:
        """The token that every prompt must begin with, if the model wants one."""
        token: int = api.llama_vocab_bos(self.vocab)
        return token if token >= 0 and api.llama_vocab_get_add_bos(self.vocab) else None

    def special_text(self, token: Token | None) -> str:
        return "" if token is None or token < 0 else self.piece(token, special=True).decode("utf-8", "replace")

    @property
    def bos_text(self) -> str:
        return self.special_text(api.llama_vocab_bos(self.vocab))

    @property
    def eos_text(self) -> str:
        return self.special_text(api.llama_vocab_eos(self.vocab))

    def control_texts(self) -> frozenset[str]:
        """The spellings that stand for control tokens, such as ``<|im_end|>``: nobody may type these to her."""
        controls = (t for t in range(self.vocabulary_size) if api.llama_vocab_is_control(self.vocab, t))
        texts = (self.special_text(token) for token in controls)
        return frozenset(text for text in texts if len(text) > 1)

    @cached_property
    def tokens_beyond_latin(self) -> list[Token]:
        """Those that hold or begin a character that is neither a Latin letter nor punctuation: other scripts, emoji."""
        spelled = ((token, self._spell(token, special=False)) for token in range(self.vocabulary_size))
        return [token for token, piece in spelled if any(byte in BEYOND_LATIN for byte in piece)]

    def tokenize(self, text: str, *, special: bool = False) -> list[Token]:
        """Tokens of ``text``, nothing added. ``special`` reads the spelling of control tokens as those tokens."""
        raw = text.encode()
        room = len(raw) + 8
        tokens = (api.llama_token * room)()
        count: int = api.llama_tokenize(self.vocab, raw, len(raw), tokens, room, False, special)
        if count < 0:
            raise NativeFailure(f"text of {len(raw)} bytes can't be tokenized")
        return list(tokens[:count])

    def piece(self, token: Token, *, special: bool = False) -> bytes:
        """The bytes of one token, which need not be whole characters. Control tokens give none, unless ``special``."""
        known = self._pieces.get((token, special))
        if known is None:
            known = self._pieces[token, special] = self._spell(token, special=special)
        return known

    def _spell(self, token: Token, *, special: bool) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            size: int = api.llama_token_to_piece(self.vocab, token, buffer, room, 0, special)
            if size >= 0:
                return buffer.raw[:size]
            room = -size

    def text(self, tokens: Sequence[Token]) -> str:
        """The text of ``tokens``; characters cut at either end are left out."""
        return b"".join(self.piece(token) for token in tokens).decode("utf-8", "ignore")

    def ends_reply(self, token: Token) -> bool:
        return bool(api.llama_vocab_is_eog(self.vocab, token))

    def close(self) -> None:
        """Free the weights. No context of this model may be used after."""
        if self.handle:
            api.llama_model_free(self.handle)
            self.handle = None


@dataclass(frozen=True, slots=True)
class ContextShape:
    """Sizes that a context is made with."""

    cells: int
    """Tokens that all sequences together may keep."""
    sequences: int
    batch: int
    """Most tokens in one decode."""
    threads: int
    """For one token at a time."""
    threads_batch: int
    """For reading prompts."""
    idle_threads: int = 0
    """Most for one token at a time, on cores that nothing else wants: the threads meet hundreds of times a token, and
    when one has to wait for a core, all wait. 0: always ``threads``."""
    unified: bool = True
    """One pool of cells for all sequences, so that a shared beginning is kept once."""
    flash_attention: bool | None = None
    """None lets llama.cpp choose."""
    kv_type: int = api.GGML_TYPE_F16


class NativeContext:
    """The attention cache of ``shape.sequences`` texts, and the arithmetic on it."""

    def __init__(self, model: NativeModel, shape: ContextShape) -> None:
        self.model = model
        self.shape = shape
        self._handle = api.llama_init_from_model(model.handle, _context_params(shape))
        if not self._handle:
            raise NativeFailure(f"no memory for a context of {shape.cells} tokens")
        self._memory = api.llama_get_memory(self._handle)
        self._threads = shape.threads
        self._idle_before = 1
        self.is_repeatable = True
        """Whether the next token is to be the same to the last bit as at any other time. The attention of one token to
        a long text is divided among the threads, and adds up in another order with another number of them."""
        self._batch: Any = api.llama_batch_init(shape.batch, 0, 1)

    def decode(self, sequence: int, tokens: Sequence[Token], position: int) -> None:
        """Append ``tokens`` to ``sequence`` at ``position``; the last one's logits are there to sample from after.

        Raises CacheFull, and NativeFailure after which the context is not to be trusted."""
        if len(tokens) > 1:
            self._idle_before = 1  # what was before the prompt says nothing about now
        elif self.shape.idle_threads:
            self._take_idle_cores()
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = position + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = False
        batch.logits[len(tokens) - 1] = True
        status: int = api.llama_decode(self._handle, batch)
        if status == KV_IS_FULL:
            raise CacheFull("no free cells")
        if status != 0:
            raise NativeFailure(f"llama_decode gave {status}")

    def _take_idle_cores(self) -> None:
        """Of the last two looks the freer one counts: what one token wakes, its readers, is soon asleep again."""
        threads = self.shape.threads
        if not self.is_repeatable:
            idle = idle_cores(self.shape.idle_threads)
            threads, self._idle_before = max(idle, self._idle_before), idle
        if threads != self._threads:
            self._threads = threads
            api.llama_set_n_threads(self._handle, threads, self.shape.threads_batch)

    def keep(self, sequence: int, count: int) -> int:
        """Forget all but the first ``count`` tokens of ``sequence``. Returns how many are really kept: a recurrent
        or sliding-window cache may be able to keep only all or nothing."""
        if api.llama_memory_seq_pos_max(self._memory, sequence) + 1 <= count:
            return min(count, int(api.llama_memory_seq_pos_max(self._memory, sequence)) + 1)
        cut = count > 0 and api.llama_memory_seq_rm(self._memory, sequence, count, -1)
        if cut and api.llama_memory_seq_pos_max(self._memory, sequence) == count - 1:
            lowest: int = api.llama_memory_seq_pos_min(self._memory, sequence)
            if lowest == 0:
                return count
        api.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return 0

    @property
    def can_close_gaps(self) -> bool:
        """Whether ``close_gap`` works: positions must be turned into others, which not every model's cache allows."""
        return bool(api.llama_memory_can_shift(self._memory))

    def close_gap(self, sequence: int, start: int, end: int) -> None:
        """Forget the tokens from ``start`` up to ``end`` and move those behind them up. What was computed of these
        still knows of the forgotten ones. No other sequence may share what is moved."""
        api.llama_memory_seq_rm(self._memory, sequence, start, end)
        api.llama_memory_seq_add(self._memory, sequence, end, -1, start - end)

    def copy(self, source: int, target: int) -> None:
        """Make ``target`` hold what ``source`` holds."""
        api.llama_memory_seq_rm(self._memory, target, -1, -1)
        api.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def close(self) -> None:
        if self._handle:
            api.llama_batch_free(self._batch)
            api.llama_free(self._handle)
            self._handle = None

    @property
    def handle(self) -> Any:  # noqa: ANN401 - an opaque pointer
        return self._handle


def _context_params(shape: ContextShape) -> Any:  # noqa: ANN401 - a ctypes structure
    params = api.llama_context_default_params()
    params.n_ctx = shape.cells
    params.n_batch = params.n_ubatch = shape.batch
    params.n_seq_max = shape.sequences
    params.n_threads = shape.threads
    params.n_threads_batch = shape.threads_batch
    params.kv_unified = shape.unified
    params.swa_full = True  # a sliding window that forgets could not go back to an earlier turn
    params.no_perf = True
    params.type_k = params.type_v = shape.kv_type
    if shape.flash_attention is not None:
        params.flash_attn_type = int(shape.flash_attention)
    return params


class Sampler:
    """Draws tokens for one reply. Remembers what it drew, for the repeat penalty."""

    def __init__(self, model: NativeModel, sampling: Sampling, banned: Sequence[Token] = ()) -> None:
        self._chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        for link in _links(model, sampling, banned):
            api.llama_sampler_chain_add(self._chain, link)

    def draw(self, context: NativeContext) -> Token:
        """The token that follows what ``context`` decoded last."""
        token: int = api.llama_sampler_sample(self._chain, context.handle, -1)
        return token

    def close(self) -> None:
        if self._chain:
            api.llama_sampler_free(self._chain)
            self._chain = None


def _links(model: NativeModel, sampling: Sampling, banned: Sequence[Token]) -> list[Any]:
    """Penalties before truncation, temperature last: llama.cpp's own order."""
    size = model.vocabulary_size
    links = []
    if banned:
        biases = (api.llama_logit_bias * len(banned))(*(api.llama_logit_bias(token, float("-inf")) for token in banned))
        links.append(api.llama_sampler_init_logit_bias(size, len(banned), biases))
    links.append(api.llama_sampler_init_penalties(size, sampling.repeat_window, sampling.repeat_penalty, 0.0, 0.0))
    if sampling.temperature <= 0:
        return [*links, api.llama_sampler_init_greedy()]
    seed = api.LLAMA_DEFAULT_SEED if sampling.seed is None else sampling.seed & 0x7FFFFFFF
    return [
        *links,
        api.llama_sampler_init_top_k(sampling.top_k),
        api.llama_sampler_init_top_p(sampling.top_p, 1),
        api.llama_sampler_init_min_p(sampling.min_p, 1),
        api.llama_sampler_init_temp(sampling.temperature),
        api.llama_sampler_init_dist(seed),
    ]
