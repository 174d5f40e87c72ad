"""Stable Diffusion XL (Podell et al. 2023, arXiv 2307.01952): CLIP-L and OpenCLIP's bigG side by side, told
the size that a picture had and the part that was cut from it.
"""

from engine.models import parts
from engine.models.family import Family, LatentFormat, TextPart
from engine.models.parts import has, lacks
from engine.models.sd1 import END_MARK

PAD_G = 0
# bigG's pooled vector, and six numbers in 256 sines and cosines each.
VECTOR_WIDTH = 1280 + 6 * 256
# sd_xl_base.yaml: makes the latents of its training pictures unit variance.
LATENT = LatentFormat(channels=4, factor=8, scale=0.13025)
_EMBEDDERS = "conditioner.embedders."

FAMILY = Family(
    name="sdxl",
    title="Stable Diffusion XL",
    traits=(
        parts.STEM,
        parts.HEAD,
        has("label_emb.0.0.weight", None, VECTOR_WIDTH),
        parts.STILL,
    ),
    # Playground 2.5 has the same networks with another latent space and another prediction.
    home=(lacks("edm_mean"),),
    unet=parts.UNET,
    texts=(
        TextPart(
            "clip_l",
            parts.clip_l(f"{_EMBEDDERS}0.transformer.text_model."),
            pad=END_MARK,
            layer=-2,
            is_normed=False,
        ),
        TextPart("clip_g", parts.open_clip_at(f"{_EMBEDDERS}1."), pad=PAD_G, layer=-2, is_normed=False),
    ),
    vae=parts.VAE,
    latent=LATENT,
    vector="sizes",
    # Its first transformers work at half the latent's resolution.
    memory=0.8,
)
