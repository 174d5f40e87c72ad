"""Tiny vision encoders in the released layout, as transformers builds them."""

from typing import Any

from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from tests.engine.oracles.families import draw

SIDE_PX = 56


def build_vision(
    layers: int = 3, width: int = 32, projected: int = 24, activation: str = "quick_gelu"
) -> CLIPVisionModelWithProjection:
    """An encoder of pictures of 56 × 56 pixels in 17 tokens, with seeded weights."""
    kind: Any = CLIPVisionModelWithProjection
    model = kind(
        CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=2 * width,
            projection_dim=projected,
            num_hidden_layers=layers,
            num_attention_heads=16,
            image_size=SIDE_PX,
            patch_size=14,
            hidden_act=activation,
        )
    )
    model.load_state_dict(draw(model, "vision."))
    return model.eval()


def vision_tensors(model: CLIPVisionModelWithProjection) -> dict[str, Tensor]:
    """Its tensors by their names in released files."""
    return {
        name: tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("position_ids")
    }
