"""Nodes that make conditioning."""

from engine.graph.context import Context
from engine.graph.kinds import Clip, Conditioning, Text
from engine.graph.spec import node
from engine.nodes.text_encoding import encode_prompts


@node("CLIPTextEncode", category="conditioning", title="CLIP Text Encode (Prompt)")
def clip_text_encode(*, text: Text, clip: Clip, ctx: Context) -> Conditioning:
    """Encodes a prompt for the denoiser. (word) counts 1.1 times, (word:0.8) 0.8 times."""
    prompts = [text] if clip.second is None else [text, text]
    return Conditioning((encode_prompts(clip, prompts, ctx),))
