"""What SDXL's networks are told beside the text (Podell et al. 2023, sections 2.2 and 2.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.graph.kinds import PictureSize
from engine.models.family import VectorKind
from engine.models.sd_unet import timestep_embedding

# Of each number's cosines and sines.
NUMBER_WIDTH = 256
# LAION's aesthetic scores that the refiner is told where nobody says another: of a good picture, and of the
# kind that a negative prompt is about.
GOOD_SCORE, POOR_SCORE = 6.0, 2.5


def numbers_of(kind: VectorKind, size: PictureSize, *, is_negative: bool) -> tuple[float, ...]:
    """The numbers in the order of training: height before width."""
    place = size.height, size.width, size.crop_top, size.crop_left
    if kind == "score":
        score = POOR_SCORE if is_negative else GOOD_SCORE
        return (*place, score if size.score is None else size.score)
    target_height = size.height if size.target_height is None else size.target_height
    target_width = size.width if size.target_width is None else size.target_width
    return (*place, target_height, target_width)


def size_vector(pooled: Tensor, numbers: Sequence[float]) -> Tensor:
    """(B, P) and N numbers -> (B, P + N * NUMBER_WIDTH), float32."""
    embedded = timestep_embedding(torch.tensor(numbers, device=pooled.device), NUMBER_WIDTH).flatten()
    return torch.cat([pooled.float(), embedded.expand(len(pooled), -1)], dim=1)
