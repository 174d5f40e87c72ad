"""The whole chain from a prompt to pixels against diffusers and transformers, on the tiny checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler
from safetensors.torch import load_file
from torch import Tensor

from engine.nodes.latent import empty_latent_image, vae_decode
from engine.text.clip_tokenizer import ClipTokenizer
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.diffusers_sd import below, build_text_encoder, build_unet, build_vae, relative_error
from tests.engine.oracles.make_checkpoint import TINY
from tests.engine.prompts import CHECKPOINT

POSITIVE, NEGATIVE = "a photo of a cat sitting on a chair", "blurry, low quality"
# diffusers interpolates sigma, we its logarithm: with 4 steps every timestep is a trained one.
STEPS, CFG, SEED = 4, 7.0, 5


@pytest.fixture(scope="module")
def reference(models: Path) -> tuple[Tensor, Tensor]:
    """diffusers' latent in VAE space, and its pixels in [0, 1]."""
    weights = load_file(models / "checkpoints" / CHECKPOINT)
    encoder: Any = build_text_encoder(TINY.text, below(weights, "cond_stage_model.transformer.text_model."))
    unet: Any = build_unet(TINY.unet, below(weights, "model.diffusion_model."))
    vae: Any = build_vae(TINY.vae, below(weights, "first_stage_model."))
    scheduler: Any = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace"
    )
    scheduler.set_timesteps(STEPS)
    tokens = torch.tensor([padded(NEGATIVE), padded(POSITIVE)])
    with torch.inference_mode():
        text = encoder(tokens).last_hidden_state
        x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(SEED))
        x = x * (scheduler.sigmas[0] ** 2 + 1) ** 0.5
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(torch.cat([x, x]), timestep)
            negative, positive = unet(scaled, timestep, encoder_hidden_states=text).sample.chunk(2)
            x = scheduler.step(negative + CFG * (positive - negative), timestep, x).prev_sample
        latent = x / 0.18215
        pixels = ((vae.decode(latent).sample + 1) / 2).clamp(0, 1).movedim(1, -1)
    return latent, pixels


def padded(prompt: str) -> list[int]:
    tokens = [49406, *ClipTokenizer().encode(prompt), 49407]
    return tokens + [49407] * (77 - len(tokens))


def test_a_prompt_becomes_the_picture_that_diffusers_makes(
    models: Path, reference: tuple[Tensor, Tensor]
) -> None:
    studio = Studio(models)
    latent = studio.sample(
        empty_latent_image(width=64, height=64, batch_size=1),
        seed=SEED,
        steps=STEPS,
        cfg=CFG,
        positive=studio.encode(POSITIVE),
        negative=studio.encode(NEGATIVE),
    )
    pixels = vae_decode(samples=latent, vae=studio.load()[2], ctx=studio.context).pixels
    assert relative_error(latent.samples, reference[0]) < 1e-4
    assert relative_error(pixels, reference[1]) < 1e-4
