"""TAESD's files: a decoder and an encoder in the folder vae_approx, named after the latents they are for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from engine.errors import BadInput
from engine.graph.context import ModelFiles
from engine.graph.folders import TINY_VAES, find_by_stem
from engine.graph.kinds import Model
from engine.models import sd1, sdxl, taesd
from engine.models.detect import DetectedPart, detect_part, find_family
from engine.models.family import LatentFormat
from engine.models.taesd import TaesdConfig
from engine.nodes.model_files import handle_of
from engine.residency.handle import Handle
from engine.weights.header import read_header
from engine.weights.tensors import open_tensors

FAMILY = "taesd"
FOLDER = "vae_approx"
# Stable Diffusion 3's and Flux.1's are published with those models.
LATENTS: Mapping[str, LatentFormat] = dict(
    zip(
        TINY_VAES,
        (
            sd1.FAMILY.latent,
            sdxl.LATENT,
            LatentFormat(16, 8, 1.5305, 0.0609),
            LatentFormat(16, 8, 0.3611, 0.1159),
        ),
        strict=True,
    )
)


def tiny_vae(name: str, models: ModelFiles) -> Handle:
    """The pair of files of one of TINY_VAES as one module.

    Raises UnsupportedCheckpoint, WeightsUnreadable, BadInput.
    """
    files = [_resolve(f"{name}_{part}", models) for part in ("decoder", "encoder")]
    decoder, encoder = (
        detect_part(read_header(path).shapes, layout, f"{path.name}: TAESD")
        for path, layout in zip(files, (taesd.DECODER_FILE, taesd.ENCODER_FILE), strict=True)
    )
    latent = LATENTS[name]
    config = replace(_config(decoder), encoder_width=_config(encoder).encoder_width)
    for path, part in zip(files, (decoder, encoder), strict=True):
        _check_channels(path, _config(part), latent)
    both = DetectedPart("", _scaled(config, latent), decoder.elements + encoder.elements, decoder.layout)
    rest = handle_of(files[1], FAMILY, "vae", encoder)
    return replace(handle_of(files[0], FAMILY, "vae", both), rest=rest)


def whole_tiny_vae(path: Path) -> Handle:
    """Both networks in one file. Raises UnsupportedCheckpoint, WeightsUnreadable."""
    shapes = read_header(path).shapes
    detected = detect_part(shapes, taesd.WHOLE_FILE, f"{path.name}: TAESD")
    with open_tensors(path) as tensors:
        scale, shift = (
            float(tensors.read(name)) if shapes.get(name) in ((), (1,)) else default
            for name, default in ((taesd.SCALE, 1.0), (taesd.SHIFT, 0.0))
        )
    config = replace(_config(detected), scale=scale, shift=shift)
    return handle_of(path, FAMILY, "vae", replace(detected, config=config))


def find_preview_decoder(model: Model, models: ModelFiles) -> Handle | None:
    """The decoder for a model's latents: the one named after its file, otherwise the one for its family; None
    without any.

    Raises UnsupportedCheckpoint, WeightsUnreadable, BadInput for a file that cannot be used.
    """
    latent = find_family(model.handle.family).latent
    stems = [f"{model.handle.path.stem}_taesd", *(name for name in LATENTS if LATENTS[name] == latent)]
    names = models.names(FOLDER)
    found = (find_by_stem(names, f"{stem}_decoder") for stem in stems)
    name = next((name for name in found if name is not None), None)
    if name is None:
        return None
    path = models.resolve(FOLDER, name)
    decoder = detect_part(read_header(path).shapes, taesd.DECODER_FILE, f"{path.name}: TAESD's decoder")
    config = _config(decoder)
    _check_channels(path, config, latent)
    return handle_of(path, FAMILY, "vae", replace(decoder, config=_scaled(config, latent)))


def _resolve(stem: str, models: ModelFiles) -> Path:
    return models.resolve(FOLDER, find_by_stem(models.names(FOLDER), stem) or stem)


def _config(part: DetectedPart) -> TaesdConfig:
    return cast("TaesdConfig", part.config)


def _scaled(config: TaesdConfig, latent: LatentFormat) -> TaesdConfig:
    return replace(config, scale=latent.scale, shift=latent.shift)


def _check_channels(path: Path, config: TaesdConfig, latent: LatentFormat) -> None:
    if config.latent_channels != latent.channels:
        raise BadInput(
            f"{path.name} is for latents of {config.latent_channels} channels,"
            f" by its name they have {latent.channels}"
        )
