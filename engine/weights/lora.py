"""What the changes in LoRA files do to a tensor: the formulas, in float32.

LoRA (Hu et al. 2021, arXiv 2106.09685); LoCon, LoHa, LoKr as in LyCORIS (Yeh et al. 2023, arXiv 2309.14859);
DoRA (Liu et al. 2024, arXiv 2402.09353); OFT (Qiu et al. 2023, arXiv 2306.07280); BOFT (Liu et al. 2023,
arXiv 2311.06243). W is a matrix (out, in) or a kernel (out, in, h, w).
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from engine.weights.lora_names import Change, Kind

Parts = Mapping[str, Tensor]


def apply_change(weight: Tensor, change: Change, read: Callable[[str], Tensor], strength: float) -> Tensor:
    """The changed tensor, float32 on `weight`'s device. read: a tensor of the file by name.

    Raises ValueError or RuntimeError where the tensors do not fit together.
    """
    parts = {role: read(name).to(weight.device).float() for role, name in change.tensors}
    weight = weight.float()
    if change.kind == "replacement":
        return parts["set_weight"].reshape(weight.shape)
    if change.kind == "difference":
        (difference,) = parts.values()
        return weight + strength * difference.reshape(weight.shape)
    if change.kind == "oft":
        return weight + strength * (_rotate(weight, parts) - weight)
    delta, rank = _DELTAS[change.kind](weight, parts)
    scale = float(parts["alpha"]) / rank if "alpha" in parts and rank else 1.0
    delta = delta.reshape(weight.shape) * scale
    if "dora_scale" in parts:
        delta = _with_magnitude(weight, delta, parts["dora_scale"]) - weight
    return weight + strength * delta


def _lora(weight: Tensor, parts: Parts) -> tuple[Tensor, int]:
    """up @ down; with a `mid` kernel (r, r, h, w) between them, both are 1x1."""
    up, down = parts["up"].flatten(1), parts["down"].flatten(1)
    if "mid" not in parts:
        return up @ down, len(down)
    return torch.einsum("oa,abhw,bi->oihw", up, parts["mid"], down), len(down)


def _loha(weight: Tensor, parts: Parts) -> tuple[Tensor, int]:
    """The element-wise product of two low-rank matrices."""
    first = _join(parts["hada_w1_a"], parts["hada_w1_b"], parts.get("hada_t1"))
    return first * _join(parts["hada_w2_a"], parts["hada_w2_b"], parts.get("hada_t2")), len(
        parts["hada_w1_b"]
    )


def _lokr(weight: Tensor, parts: Parts) -> tuple[Tensor, int]:
    """The Kronecker product of two matrices, each whole or low-rank; of whole ones alpha does not count."""
    rank = 0
    factors: list[Tensor] = []
    for name in ("lokr_w1", "lokr_w2"):
        if name in parts:
            factors.append(parts[name])
        else:
            core = parts.get("lokr_t2") if name == "lokr_w2" else None
            factors.append(_join(parts[f"{name}_a"], parts[f"{name}_b"], core))
            rank = len(parts[f"{name}_b"])
    first, second = factors
    first = first[..., None, None] if second.ndim == 4 else first
    return torch.kron(first, second.contiguous()), rank


def _glora(weight: Tensor, parts: Parts) -> tuple[Tensor, int]:
    """W A + B, both low-rank (Chavan et al. 2023, arXiv 2306.07967); first releases swapped the factors."""
    a1, a2, b1, b2 = (parts[name].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    if a1.shape[0] < a1.shape[1]:
        a1, a2, b1, b2 = a2, a1, b2, b1
    return weight.flatten(1) @ a1 @ a2 + b1 @ b2, len(a2)


_DELTAS: Mapping[Kind, Callable[[Tensor, Parts], tuple[Tensor, int]]] = {
    "lora": _lora,
    "loha": _loha,
    "lokr": _lokr,
    "glora": _glora,
}


def _join(left: Tensor, right: Tensor, core: Tensor | None) -> Tensor:
    """(out, r) @ (r, in); with a Tucker core (r, r, h, w) the factors are (r, out) and (r, in)."""
    return left @ right if core is None else torch.einsum("abhw,ao,bi->oihw", core, left, right)


def _with_magnitude(weight: Tensor, delta: Tensor, magnitude: Tensor) -> Tensor:
    """W + delta, its rows or columns brought to a learned length.

    As released files were made for ComfyUI: rows are measured before the change, columns after it.
    """
    changed = weight + delta
    ones = (1,) * (weight.ndim - 1)
    tiny = torch.finfo(torch.float32).eps
    if magnitude.shape[0] == len(weight):
        lengths = weight.flatten(1).norm(dim=1)
        return changed * (magnitude.flatten() / (lengths + tiny)).reshape(-1, *ones)
    lengths = changed.transpose(0, 1).flatten(1).norm(dim=1)
    return changed * (magnitude.flatten() / (lengths + tiny)).reshape(1, -1, *ones[1:])


def _rotate(weight: Tensor, parts: Parts) -> Tensor:
    """W with its output rows turned by orthogonal blocks (n, b, b), or by stages of them (m, n, b, b)."""
    blocks = parts["oft_blocks"]
    skew = blocks - blocks.mT
    # In these formats alpha bounds how far a rotation may go; 0 sets no bound.
    bound = float(parts["alpha"]) if "alpha" in parts else 0.0
    if bound > 0:
        skew = skew * min(1.0, bound / (float(skew.norm()) + 1e-8))
    identity = torch.eye(blocks.shape[-1], device=blocks.device)
    rotation = (identity + skew) @ torch.linalg.inv(identity - skew)  # Cayley
    rows = weight.flatten(1)
    if blocks.ndim == 3:
        turned = (rotation.mT @ rows.unflatten(0, blocks.shape[:2])).flatten(0, 1)
    else:
        turned = _butterfly(rows, rotation)
    rescale = parts.get("rescale")
    return (turned if rescale is None else turned * rescale.reshape(-1, 1)).reshape(weight.shape)


def _butterfly(rows: Tensor, rotation: Tensor) -> Tensor:
    """Stage after stage mixes rows that lie twice as far apart as before. rows: (out, in)."""
    width = rotation.shape[-1]
    for stage, blocks in enumerate(rotation):
        distance = 2**stage * (width // 2)
        # (out, in) -> (groups, 2, distance, in) -> rows that belong together side by side
        mixed = rows.unflatten(0, (-1, 2, distance)).transpose(1, 2).flatten(0, 2)
        mixed = (blocks @ mixed.unflatten(0, (-1, width))).flatten(0, 1)
        rows = mixed.unflatten(0, (-1, distance, 2)).transpose(1, 2).flatten(0, 2)
    return rows
