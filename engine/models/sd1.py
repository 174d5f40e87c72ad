"""Stable Diffusion 1.x: text to image with CLIP-L, noise prediction, a 4-channel latent at an eighth of the
size; its inpainting and instruct-pix2pix networks, which have more input channels.
"""

from engine.models import parts
from engine.models.family import Family, LatentFormat, TextPart
from engine.models.parts import has, lacks

END_MARK = 49_407

FAMILY = Family(
    name="sd1",
    title="Stable Diffusion 1.x",
    traits=(
        parts.STEM,
        parts.HEAD,
        # SD 2 has linear projections and SDXL vector conditioning where SD 1 has convolutions and none.
        has("middle_block.1.proj_in.weight", None, None, 1, 1),
        lacks("label_emb.0.0.weight"),
        parts.STILL,
    ),
    # Zero123 has the same U-Net, told by pictures.
    home=(lacks("cc_projection.weight"),),
    unet=parts.UNET,
    texts=(
        TextPart(
            "clip_l",
            # Old merges lost the inner name.
            parts.clip_l("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."),
            pad=END_MARK,
            layer=-1,
            is_normed=True,
        ),
    ),
    vae=parts.VAE,
    # Published with the model: makes the latents of its training pictures unit variance.
    latent=LatentFormat(channels=4, factor=8, scale=0.18215),
)
