"""Names and shapes of tensors: all that detection and configuration need to know of a file."""

import re
from collections.abc import Iterable, Mapping

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

# Not weights: tables that the code computes itself, copies for training, a scale that only training uses,
# factors of scaled fp8 (load.py applies them), marks of what is predicted (variant.py reads them).
_IGNORABLE = re.compile(
    r"^(alphas_cumprod|betas|log_one_minus_|posterior_|sqrt_|model_ema\.|denoiser\.sigmas)"
    r"|^(v_pred|ztsnr|edm_mean|edm_std|edm_vpred\.sigma_(min|max))$"
    r"|(^|\.)(position_ids|logit_scale|num_batches_tracked|scaled_fp8|scale_weight|scale_input)$"
)


def is_ignorable(name: str) -> bool:
    """Whether a file may hold the tensor without any model using it."""
    return _IGNORABLE.search(name) is not None


def under(shapes: Shapes, prefix: str) -> dict[str, Shape]:
    """The weights below `prefix`, named without it; what is ignorable is left out."""
    return {
        name.removeprefix(prefix): shape
        for name, shape in shapes.items()
        if name.startswith(prefix) and not is_ignorable(name)
    }


def count_blocks(names: Iterable[str], prefix: str) -> int:
    """How many of `prefix`0., `prefix`1., ... exist. Raises ValueError for numbers with gaps."""
    heads = {name.removeprefix(prefix).split(".", 1)[0] for name in names if name.startswith(prefix)}
    missing = [number for number in range(len(heads)) if str(number) not in heads]
    if missing:
        raise ValueError(f"{prefix}{missing[0]}")
    return len(heads)
