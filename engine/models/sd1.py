"""Stable Diffusion 1.x: text to image with CLIP-L, noise prediction, a 4-channel latent at an eighth of the
size.
"""

from engine.models import clip_text, kl_vae, sd_unet
from engine.models.family import Family, LatentFormat, PartLayout, Trait

_UNET = "model.diffusion_model."

FAMILY = Family(
    name="sd1",
    title="Stable Diffusion 1.x",
    traits=(
        Trait(f"{_UNET}input_blocks.0.0.weight", (None, 4, 3, 3)),
        Trait(f"{_UNET}out.2.weight", (4, None, 3, 3)),
        # SD 2 has linear projections and SDXL vector conditioning where SD 1 has convolutions and none.
        Trait(f"{_UNET}middle_block.1.proj_in.weight", (None, None, 1, 1)),
        Trait(f"{_UNET}label_emb.0.0.weight", None),
        Trait("first_stage_model.decoder.conv_in.weight", (None, 4, 3, 3)),
        Trait("first_stage_model.decoder.mid.attn_1.q.weight", (None, None, 1, 1)),
    ),
    unet=PartLayout((_UNET,), "input_blocks.0.0.weight", sd_unet.config_from),
    clip=PartLayout(
        # Old merges lost the inner name.
        ("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."),
        "embeddings.token_embedding.weight",
        clip_text.config_from,
    ),
    vae=PartLayout(("first_stage_model.",), "decoder.conv_in.weight", kl_vae.config_from),
    prediction="eps",
    # Published with the model: makes the latents of its training pictures unit variance.
    latent=LatentFormat(channels=4, factor=8, scale=0.18215),
)
