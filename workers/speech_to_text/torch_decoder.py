"""Whisper's decoder step by step, over the modules of ``whisper.model.TextDecoder``.

The library's own loop insists on a full window of encoder positions, keeps its cache by hooks that it hangs on the
modules for each utterance, and begins anew after finding the language. Here one pass serves all of it.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from whisper.model import MultiHeadAttention, Whisper

type KeysValues = tuple[Tensor, Tensor]


@dataclass(slots=True)
class Reading:
    """One utterance being decoded: what was heard, and what was written so far, as each layer sees them."""

    heard: list[KeysValues]
    written: list[KeysValues] = field(default_factory=list)

    @property
    def length(self) -> int:
        return self.written[0][0].shape[2] if self.written else 0

    def fork(self) -> "Reading":
        """A reading that goes on from here without changing this one."""
        return Reading(self.heard, list(self.written))


def begin(model: "Whisper", encoded: Tensor) -> Reading:
    """``encoded``: encoder positions, shape (1, positions, state)."""
    heard = [
        (
            _heads(block.cross_attn, block.cross_attn.key(encoded)),
            _heads(block.cross_attn, block.cross_attn.value(encoded)),
        )
        for block in model.decoder.blocks
    ]
    return Reading(heard)


def write(model: "Whisper", reading: Reading, tokens: list[int]) -> Tensor:
    """Append ``tokens``; logits of what comes after each, shape (tokens, vocabulary), float32."""
    decoder, start = model.decoder, reading.length
    ids = torch.tensor([tokens], device=decoder.positional_embedding.device)
    state = decoder.token_embedding(ids) + decoder.positional_embedding[start : start + len(tokens)]
    state = state.to(reading.heard[0][0].dtype)
    # Each token sees those before it, and those of earlier calls; a single one sees everything there is.
    mask = None
    if len(tokens) > 1:
        mask = torch.ones(len(tokens), start + len(tokens), dtype=torch.bool, device=ids.device).tril(start)
    written = []
    for index, block in enumerate(decoder.blocks):
        normal = block.attn_ln(state)
        keys, values = _heads(block.attn, block.attn.key(normal)), _heads(block.attn, block.attn.value(normal))
        if reading.written:
            keys = torch.cat([reading.written[index][0], keys], dim=2)
            values = torch.cat([reading.written[index][1], values], dim=2)
        written.append((keys, values))
        state = state + _attend(block.attn, normal, (keys, values), mask)
        state = state + _attend(block.cross_attn, block.cross_attn_ln(state), reading.heard[index], None)
        state = state + block.mlp(block.mlp_ln(state))
    reading.written = written
    logits: Tensor = torch.nn.functional.linear(decoder.ln(state)[0], decoder.token_embedding.weight)
    return logits.float()


def _heads(attention: "MultiHeadAttention", projected: Tensor) -> Tensor:
    batch, length, state = projected.shape
    return projected.view(batch, length, attention.n_head, state // attention.n_head).transpose(1, 2)


def _attend(attention: "MultiHeadAttention", state: Tensor, memory: KeysValues, mask: Tensor | None) -> Tensor:
    queries = _heads(attention, attention.query(state))
    mixed = scaled_dot_product_attention(queries, *memory, attn_mask=mask)
    out: Tensor = attention.out(mixed.transpose(1, 2).flatten(start_dim=2))
    return out
