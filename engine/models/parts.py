"""Where Stable Diffusion's checkpoints keep their parts, in all of its families."""

from engine.models import clip_text, diffusers_layout, kl_vae, open_clip, sd_unet
from engine.models.family import PartLayout, Place, Trait

UNET_PREFIX = "model.diffusion_model."
# Of the networks that are released: text to image, instruct-pix2pix (with a picture's latent), inpainting
# (with a mask and a picture's latent).
CHANNELS = (4, 8, 9)

UNET = PartLayout(
    (
        Place(UNET_PREFIX, "input_blocks.0.0.weight"),
        Place("", "input_blocks.0.0.weight"),
        Place("", "conv_in.weight", diffusers_layout.unet_layout),
    ),
    sd_unet.config_from,
)
VAE = PartLayout(
    (
        Place("first_stage_model.", "decoder.conv_in.weight"),
        Place("first_stage_model.", "decoder.mid_block.resnets.0.norm1.weight", diffusers_layout.vae_layout),
        Place("", "decoder.mid.block_1.norm1.weight"),
        Place("", "decoder.mid_block.resnets.0.norm1.weight", diffusers_layout.vae_layout),
    ),
    kl_vae.config_from,
)
_TOKENS = "embeddings.token_embedding.weight"
_OPEN_TOKENS = "token_embedding.weight"
# An encoder's own file.
_ALONE = (
    Place("", f"text_model.{_TOKENS}", clip_text.layout_with_projection),
    Place("", _OPEN_TOKENS, open_clip.layout),
)


def clip_l(*prefixes: str) -> PartLayout:
    """CLIP-L below one of these prefixes of checkpoints, or in a file of its own."""
    return PartLayout((*(Place(prefix, _TOKENS) for prefix in prefixes), *_ALONE), clip_text.config_from)


def open_clip_at(*prefixes: str) -> PartLayout:
    """One of OpenCLIP's encoders, likewise; some tools save it in transformers' names."""
    inside = (
        place
        for prefix in prefixes
        for place in (
            Place(f"{prefix}model.", _OPEN_TOKENS, open_clip.layout),
            Place(f"{prefix}transformer.", f"text_model.{_TOKENS}", clip_text.layout_with_projection),
        )
    )
    return PartLayout((*inside, *_ALONE), open_clip.config_from)


def has(name: str, *shape: int | tuple[int, ...] | None) -> Trait:
    """The trait of a network with a tensor `name` of that shape."""
    return Trait(name, shape)


def lacks(name: str) -> Trait:
    """The trait of a network without a tensor `name`."""
    return Trait(name, None)


STEM = has("input_blocks.0.0.weight", None, CHANNELS, 3, 3)
HEAD = has("out.2.weight", 4, None, 3, 3)
# Video models attend over time too.
STILL = lacks("middle_block.1.time_stack.0.attn1.to_q.weight")
