"""The U-Net and, with it, the text encoder: noise is predicted from noisy latents and captions."""

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from engine.demo.train.corpus import EMPTY_SHARE, Corpus, Tokens, to_pixels
from engine.demo.train.networks import LATENT_SCALE, new_text_encoder, new_unet
from engine.demo.train.state import Plan, Training, read_averages
from engine.models.kl_vae import KlVae
from engine.sampling.denoiser import Network
from engine.sampling.prediction import scaled_linear_sigmas

BATCH: Final = 64
RATES: Final = {"unet": 6e-4, "text": 1e-4}
# Min-SNR weighting (Hang et al. 2023, arXiv 2303.09556): no noise level drowns the others.
SNR_LIMIT: Final = 5.0
SAVE_EVERY: Final = 100
ENCODED_AT_ONCE: Final = 32


@torch.no_grad()
def encode_pictures(
    vae: KlVae, pictures: npt.NDArray[np.uint8], path: Path, device: torch.device
) -> npt.NDArray[np.float16]:
    """All latents, (count, 4, 16, 16) of deviation 1, from the file at `path`, which is made if not there."""
    if not path.exists():
        parts: list[npt.NDArray[np.float16]] = []
        for start in tqdm(range(0, len(pictures), ENCODED_AT_ONCE), "latents"):
            pixels = to_pixels(pictures[start : start + ENCODED_AT_ONCE], device)
            with torch.autocast(device.type, torch.bfloat16):
                latents = vae.encode(pixels)
            parts.append((latents.float() * LATENT_SCALE).cpu().numpy().astype(np.float16))
        unfinished = path.with_suffix(".partial.npy")
        np.save(unfinished, np.concatenate(parts))
        unfinished.replace(path)
    return np.load(path, mmap_mode="r")


def train_denoiser(
    corpus: Corpus,
    latents: npt.NDArray[np.float16],
    lesson: Path,
    path: Path,
    plan: Plan,
) -> None:
    """Train to `steps`, from where the file at `path` is, and leave it there.

    The text encoder begins as the file at `lesson` (of `train_text`) has it.
    """
    torch.manual_seed(plan.seed)
    unet, text = new_unet().to(plan.device), new_text_encoder().to(plan.device)
    text.load_state_dict(read_averages(lesson, "text"))
    training = Training({"unet": unet, "text": text}, RATES, steps=plan.steps, average=0.999)
    if path.exists():
        training.load(path)
    tokens = Tokens()
    bar = tqdm(total=plan.steps, initial=training.step, desc="U-Net")
    recent: list[float] = []
    while training.step < plan.steps:
        rng = _step_generator(plan.seed, training.step)
        torch.manual_seed(int(rng.integers(2**62)))
        batch, empty = _choose(corpus, rng)
        clean = torch.from_numpy(latents[batch].astype(np.float32)).to(plan.device)
        ids = tokens(_captions(corpus, batch, empty, training.step)).to(plan.device)
        with computing_on(plan.device):
            context = text(text.embed(ids))
        loss = denoising_loss(unet, clean, context)
        training.learn(loss)
        recent.append(loss.item())
        bar.update()
        if training.step % SAVE_EVERY == 0 or training.step == plan.steps:
            bar.write(f"U-Net {training.step}: loss {np.mean(recent):.4f}")
            recent.clear()
            training.save(path)
    bar.close()


def captions_shown(corpus: Corpus, steps: int, *, seed: int) -> frozenset[str]:
    """Every caption that `train_denoiser` uses in its first `steps`."""
    shown: set[str] = set()
    for step in range(steps):
        rng = _step_generator(seed, step)
        rng.integers(2**62)
        shown.update(_captions(corpus, *_choose(corpus, rng), step))
    return frozenset(shown)


def _step_generator(seed: int, step: int) -> np.random.Generator:
    return np.random.default_rng((seed, 3, step))


def _choose(corpus: Corpus, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The pictures of one step, and which of them go without their caption."""
    return rng.integers(corpus.count, size=BATCH), rng.random(BATCH) < EMPTY_SHARE


def _captions(
    corpus: Corpus, batch: npt.NDArray[np.int64], empty: npt.NDArray[np.bool_], step: int
) -> list[str]:
    pairs = zip(batch, empty, strict=True)
    return ["" if blank else corpus.caption(int(index), step) for index, blank in pairs]


def denoising_loss(unet: Network, clean: Tensor, context: Tensor) -> Tensor:
    """How far the network is from telling the noise on `clean`, (B, 4, H, W), at a random level each.

    context: (B, T, D).
    """
    device = clean.device
    sigmas = scaled_linear_sigmas().table.to(device)
    timestep = torch.randint(len(sigmas), (len(clean),), device=device)
    sigma, noise = sigmas[timestep], torch.randn_like(clean)
    spread = sigma[:, None, None, None]
    # Variance-preserving: what the network sees at this noise level.
    noisy = (clean + spread * noise) / (1 + spread**2).sqrt()
    with computing_on(device):
        predicted = unet(noisy, timestep, context)
    weight = (sigma**2 * SNR_LIMIT).clamp(max=1.0)
    return (weight * (predicted.float() - noise).square().mean(dim=(1, 2, 3))).mean()


@contextmanager
def computing_on(device: torch.device) -> Generator[None]:
    """In bfloat16 where that is safe; on a CPU without the fused attention, whose backward pass is slow for
    heads as narrow as these.
    """
    attention = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
    with torch.autocast(device.type, torch.bfloat16), attention:
        yield
