"""SDXL's refiner (Podell et al. 2023, section 2.5): denoises the last fifth, knows bigG only and is told an
aesthetic score.
"""

from engine.models import parts
from engine.models.family import Family, TextPart
from engine.models.parts import has
from engine.models.sdxl import LATENT, PAD_G

# bigG's pooled vector, and five numbers in 256 sines and cosines each.
VECTOR_WIDTH = 1280 + 5 * 256

FAMILY = Family(
    name="sdxl_refiner",
    title="Stable Diffusion XL refiner",
    traits=(
        parts.STEM,
        parts.HEAD,
        has("middle_block.1.proj_in.weight", None, None),
        has("label_emb.0.0.weight", None, VECTOR_WIDTH),
        parts.STILL,
    ),
    home=(),
    unet=parts.UNET,
    texts=(
        TextPart(
            "clip_g",
            parts.open_clip_at("conditioner.embedders.0."),
            pad=PAD_G,
            layer=-2,
            is_normed=False,
        ),
    ),
    vae=parts.VAE,
    latent=LATENT,
    vector="score",
)
