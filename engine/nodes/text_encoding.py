"""Prompts to conditioning with one encoder or two, for the nodes that encode."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from engine.graph.context import Context
from engine.graph.kinds import Clip, CondEntry
from engine.models.clip_text import ClipText, ClipTextConfig
from engine.models.detect import find_family
from engine.models.family import TextPart
from engine.nodes.embeddings import find_vectors_in
from engine.residency.handle import Handle
from engine.text.chunks import Chunk, Marks, without_misfits
from engine.text.clip_tokenizer import BOS_ID, EOS_ID, load_clip_tokenizer
from engine.text.encode import Batch, clip_chunks, encode_chunks


def encode_prompts(clip: Clip, prompts: Sequence[str], ctx: Context) -> CondEntry:
    """One prompt for each encoder, in the family's order. Raises BadInput.

    The encoders' states stand side by side, the shorter text filled up with empty chunks; where the family
    wants the vector of the whole text, it is the last encoder's for the first chunk.
    """
    family = find_family(clip.handle.family)
    handles = [clip.handle] if clip.second is None else [clip.handle, clip.second]
    uses = list(zip(handles, family.texts, prompts, strict=True))
    texts = [_tokenize(handle, use, prompt, ctx) for handle, use, prompt in uses]
    longest = max(map(len, texts))
    states: list[Tensor] = []
    pooled: Tensor | None = None
    with torch.inference_mode():
        for (handle, use, _), text in zip(uses, texts, strict=True):
            empty = _tokenize(handle, use, "", ctx)
            hidden, pooled = _encode(clip, (handle, use), text + empty * (longest - len(text)), empty[0], ctx)
            states.append(hidden)
    length = min(hidden.shape[1] for hidden in states)
    context = torch.cat([hidden[:, :length] for hidden in states], dim=-1)
    return CondEntry(context, pooled if family.vector else None)


def _tokenize(handle: Handle, use: TextPart, prompt: str, ctx: Context) -> list[Chunk]:
    marks = Marks(BOS_ID, EOS_ID, use.pad)
    config = cast("ClipTextConfig", handle.config)
    find_vectors = find_vectors_in(ctx.models, use.name, config.width)
    chunks = clip_chunks(prompt, load_clip_tokenizer(), marks, config.length, find_vectors)
    return [without_misfits(chunk, config.width, use.pad) for chunk in chunks]


def _encode(
    clip: Clip, encoder: tuple[Handle, TextPart], chunks: Sequence[Chunk], empty: Chunk, ctx: Context
) -> tuple[Tensor, Tensor]:
    """Hidden states (1, T, D) of all chunks and the vector of the first (1, P), float32."""
    handle, use = encoder
    layer = use.layer if clip.last_layer is None else clip.last_layer
    pooled: list[Tensor] = []
    with ctx.pool.lease(handle) as leased:
        module = cast("ClipText", leased)

        def encode(batch: Batch) -> Tensor:
            ids = batch.ids.to(ctx.pool.placement.device)
            embedded = module.embed(ids)
            for place, vector in batch.vectors.items():
                embedded[place] = vector.to(embedded)
            ends = (ids == EOS_ID).int().argmax(dim=1)
            encoded = module.encode(embedded, ends, layer, is_normed=use.is_normed)
            pooled.append(encoded.pooled[:1].float())
            return encoded.hidden.float()

        return encode_chunks(chunks, encode, empty), pooled[0]
