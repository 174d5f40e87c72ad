"""What a checkpoint's network predicts: the one thing that names and shapes of tensors cannot always tell.

In this order: what the file's metadata say (github.com/Stability-AI/ModelSpec), what tensors that only mark
something say, for SD 2 the spread of one tensor, and the family.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from engine.graph.kinds import Parametrisation, Prediction
from engine.models import sd2
from engine.models.family import Family
from engine.models.sd_unet import SdUNetConfig
from engine.weights.layout import Readable, Source

_METADATA = "modelspec.prediction_type"
_METADATA_WORDS: Mapping[str, Prediction] = {"epsilon": "eps", "eps": "eps", "v": "v", "v_prediction": "v"}
VELOCITY_MARK, ZERO_TERMINAL_MARK = "v_pred", "ztsnr"
# CosXL: velocity at noise levels that are even in their logarithm.
EDM_VELOCITY_MARK = "edm_vpred.sigma_max"
EDM_MINIMUM = "edm_vpred.sigma_min"


def find_parametrisation(
    family: Family, names: Mapping[str, object], metadata: Mapping[str, str], read: Readable
) -> Parametrisation | None:
    """What a file says of itself; None where only the family can tell. `names`: of its tensors."""
    is_zero_terminal = ZERO_TERMINAL_MARK in names
    if EDM_VELOCITY_MARK in names:
        low = float(read.read(EDM_MINIMUM)) if EDM_MINIMUM in names else 0.002
        high = float(read.read(EDM_VELOCITY_MARK))
        return Parametrisation("v", "logarithmic", sigma_min=low, sigma_max=high)
    if prediction := _METADATA_WORDS.get(metadata.get(_METADATA, "").lower()):
        return replace(family.parametrisation, prediction=prediction, is_zero_terminal=is_zero_terminal)
    if VELOCITY_MARK in names:
        return replace(family.parametrisation, prediction="v", is_zero_terminal=is_zero_terminal)
    return None


def marks_of(parametrisation: Parametrisation) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata that let `find_parametrisation` find it; nothing for what no file can tell."""
    match parametrisation:
        case Parametrisation(prediction="v", levels="logarithmic", sigma_min=low, sigma_max=high):
            return {EDM_MINIMUM: torch.tensor(low), EDM_VELOCITY_MARK: torch.tensor(high)}, {}
        case Parametrisation(prediction="eps" | "v" as prediction, levels="table"):
            marks = {VELOCITY_MARK: torch.zeros(0)} if prediction == "v" else {}
            if parametrisation.is_zero_terminal:
                marks[ZERO_TERMINAL_MARK] = torch.zeros(0)
            return marks, {_METADATA: "v" if prediction == "v" else "epsilon"}
        case _:
            return {}, {}


def guess_sd2(config: SdUNetConfig, sources: Mapping[str, Source], prefix: str, read: Readable) -> Prediction:
    """What a network of SD 2 predicts. Its inpainting networks all predict noise."""
    if config.in_channels != config.out_channels:
        return "eps"
    last = sum(level.residual_blocks + 1 for level in config.levels) - 1
    name = f"output_blocks.{last}.1.transformer_blocks.0.norm1.bias"
    if name not in sources:
        return "eps"
    biases: Tensor = read.read(prefix + sources[name].name).float()
    return "v" if sd2.is_velocity(float(biases.std(correction=0))) else "eps"
