"""Stable Diffusion 2.x: OpenCLIP's H as text encoder, linear projections, noise or velocity prediction."""

from engine.models import parts
from engine.models.family import Family, LatentFormat, TextPart
from engine.models.parts import has, lacks

PAD = 0

FAMILY = Family(
    name="sd2",
    title="Stable Diffusion 2.x",
    traits=(
        has("input_blocks.0.0.weight", None, (4, 9), 3, 3),
        parts.HEAD,
        has("middle_block.1.proj_in.weight", None, None),
        lacks("label_emb.0.0.weight"),
        parts.STILL,
    ),
    home=(),
    unet=parts.UNET,
    texts=(
        TextPart(
            "clip_h",
            parts.open_clip_at("cond_stage_model.", "conditioner.embedders.0."),
            pad=PAD,
            # v2-inference.yaml: layer "penultimate", with the final norm after it.
            layer=-2,
            is_normed=True,
        ),
    ),
    vae=parts.VAE,
    latent=LatentFormat(channels=4, factor=8, scale=0.18215),
)


def is_velocity(spread: float) -> bool:
    """Whether a network predicts velocity, told by the spread of its last transformer's first norm's biases.

    The releases differ in nothing else: base and inpainting stay below 0.09, the 768-v networks above it.
    """
    return spread > 0.09
