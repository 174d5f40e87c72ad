"""Each formula against sums written out element by element, or against what defines it."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.weights.lora import apply_change
from engine.weights.lora_names import find_parts

OUT, IN, RANK = 6, 4, 2


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


W, KERNEL = draw(OUT, IN), draw(OUT, IN, 3, 3)


def apply(weight: Tensor, tensors: dict[str, Tensor], strength: float = 1.0) -> Tensor:
    """The tensors are named by their endings alone."""
    file = {f"m.{ending}": tensor for ending, tensor in tensors.items()}
    (part,), strange = find_parts(file)
    assert strange == []
    return apply_change(weight, part.at("m"), file.__getitem__, strength)


def lora(down: Tensor, up: Tensor, **more: Tensor) -> dict[str, Tensor]:
    return {"lora_down.weight": down, "lora_up.weight": up, **more}


def close(found: Tensor, expected: Tensor) -> None:
    # Sums of a handful of float32 products in another order.
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("alpha", "factor"), [(None, 1.0), (1.0, 0.5), (4.0, 2.0)])
def test_a_lora_adds_the_product_of_two_matrices(alpha: float | None, factor: float) -> None:
    down, up = draw(RANK, IN), draw(OUT, RANK)
    more = {} if alpha is None else {"alpha": torch.tensor(alpha)}
    delta = torch.zeros(OUT, IN)
    for o, i, r in itertools.product(range(OUT), range(IN), range(RANK)):
        delta[o, i] += up[o, r] * down[r, i]
    close(apply(W, lora(down, up, **more), -0.7), W - 0.7 * factor * delta)


def test_a_lora_of_a_convolution_flattens_the_kernel() -> None:
    down, up = draw(RANK, IN, 3, 3), draw(OUT, RANK, 1, 1)
    delta = torch.zeros_like(KERNEL)
    for o, r in itertools.product(range(OUT), range(RANK)):
        delta[o] += up[o, r, 0, 0] * down[r]
    close(apply(KERNEL, lora(down, up)), KERNEL + delta)


def test_a_locon_with_a_core_is_three_convolutions_in_a_row() -> None:
    down, mid, up = draw(RANK, IN, 1, 1), draw(RANK, RANK, 3, 3), draw(OUT, RANK, 1, 1)
    x = draw(1, IN, 8, 8)
    conv: Any = torch.nn.functional.conv2d
    expected = conv(x, KERNEL, padding=1) + conv(conv(conv(x, down), mid, padding=1), up)
    close(conv(x, apply(KERNEL, lora(down, up) | {"lora_mid.weight": mid}), padding=1), expected)


def test_a_matrix_for_a_1x1_kernel_is_reshaped() -> None:
    down, up = draw(RANK, IN), draw(OUT, RANK)
    close(apply(W[..., None, None], lora(down, up))[..., 0, 0], apply(W, lora(down, up)))


def test_a_loha_multiplies_two_low_rank_matrices_element_by_element() -> None:
    factors = {f"hada_w{n}_{side}": draw(*shape, seed=n) for n in (1, 2) for side, shape in SIDES.items()}
    delta = torch.zeros(OUT, IN)
    for o, i, r, s in itertools.product(range(OUT), range(IN), range(RANK), range(RANK)):
        first = factors["hada_w1_a"][o, r] * factors["hada_w1_b"][r, i]
        delta[o, i] += first * factors["hada_w2_a"][o, s] * factors["hada_w2_b"][s, i]
    close(apply(W, factors | {"alpha": torch.tensor(1.0)}, 0.5), W + 0.5 * delta / RANK)


SIDES = {"a": (OUT, RANK), "b": (RANK, IN)}


def test_a_loha_of_a_convolution_has_cores() -> None:
    names = {"a": (RANK, OUT), "b": (RANK, IN)}
    factors = {f"hada_w{n}_{side}": draw(*shape, seed=n) for n in (1, 2) for side, shape in names.items()}
    cores = {f"hada_t{n}": draw(RANK, RANK, 3, 3, seed=n) for n in (1, 2)}
    halves = [
        torch.zeros(OUT, IN, 3, 3),
        torch.zeros(OUT, IN, 3, 3),
    ]
    for n, (o, i, r, s) in itertools.product((1, 2), itertools.product(*map(range, (OUT, IN, RANK, RANK)))):
        weight = factors[f"hada_w{n}_a"][r, o] * factors[f"hada_w{n}_b"][s, i]
        halves[n - 1][o, i] += cores[f"hada_t{n}"][r, s] * weight
    close(apply(KERNEL, factors | cores), KERNEL + halves[0] * halves[1])


@pytest.mark.parametrize("whole", [(), ("w1",), ("w2",), ("w1", "w2")])
def test_a_lokr_adds_a_kronecker_product(whole: tuple[str, ...]) -> None:
    shapes = {"w1": (2, 2), "w2": (OUT // 2, IN // 2)}
    tensors: dict[str, Tensor] = {"alpha": torch.tensor(3.0)}
    factors: list[Tensor] = []
    for name, (rows, columns) in shapes.items():
        pair = draw(rows, 1, seed=1), draw(1, columns, seed=2)
        low_rank = {f"lokr_{name}_a": pair[0], f"lokr_{name}_b": pair[1]}
        factors.append(pair[0] @ pair[1])
        tensors |= {f"lokr_{name}": factors[-1]} if name in whole else low_rank
    delta = torch.zeros(OUT, IN)
    for o, i in itertools.product(range(OUT), range(IN)):
        delta[o, i] = factors[0][o // 3, i // 2] * factors[1][o % 3, i % 2]
    # alpha counts over the rank, 1 here, and not at all where no factor has one.
    close(apply(W, tensors), W + delta * (1.0 if len(whole) == 2 else 3.0))


def test_a_lokr_of_a_convolution_has_a_core() -> None:
    w1, a, b, core = draw(2, 2), draw(RANK, 3), draw(RANK, 2), draw(RANK, RANK, 3, 3)
    tensors = {"lokr_w1": w1, "lokr_w2_a": a, "lokr_w2_b": b, "lokr_t2": core}
    delta = torch.zeros_like(KERNEL)
    for o, i, r, s in itertools.product(range(OUT), range(IN), range(RANK), range(RANK)):
        delta[o, i] += w1[o // 3, i // 2] * a[r, o % 3] * b[s, i % 2] * core[r, s]
    close(apply(KERNEL, tensors), KERNEL + delta)


@pytest.mark.parametrize("is_old", [False, True])
def test_a_glora_changes_by_the_weight_itself(is_old: bool) -> None:
    a1, a2, b1, b2 = draw(IN, 1), draw(1, IN), draw(OUT, 1), draw(1, IN, seed=4)
    order = (a2, a1, b2, b1) if is_old else (a1, a2, b1, b2)
    tensors = dict(zip((f"{name}.weight" for name in ("a1", "a2", "b1", "b2")), order, strict=True))
    close(apply(W, tensors | {"alpha": torch.tensor(2.0)}), W + 2 * (W @ (a1 @ a2) + b1 @ b2))


@pytest.mark.parametrize("shape", [(OUT,), (OUT, 1)])
def test_a_dora_gives_rows_their_learned_length(shape: tuple[int, ...]) -> None:
    down, up, lengths = draw(RANK, IN), draw(OUT, RANK), draw(*shape).abs()
    changed = apply(W, lora(down, up, dora_scale=lengths))
    for row in range(OUT):
        direction = (W + up @ down)[row] / W[row].norm()
        close(changed[row], direction * lengths.flatten()[row])


def test_a_dora_over_columns_gives_them_exactly_their_learned_length() -> None:
    down, up, lengths = draw(RANK, IN, 3, 3), draw(OUT, RANK, 1, 1), draw(1, IN, 1, 1).abs()
    changed = apply(KERNEL, lora(down, up, dora_scale=lengths))
    close(changed.transpose(0, 1).flatten(1).norm(dim=1), lengths.flatten())


def test_half_a_dora_is_halfway() -> None:
    tensors = lora(draw(RANK, IN), draw(OUT, RANK), dora_scale=draw(OUT, 1).abs())
    close(apply(W, tensors, 0.5), (W + apply(W, tensors)) / 2)


BLOCKS = draw(3, 2, 2)


def test_an_oft_turns_rows_block_by_block() -> None:
    turned = apply(W, {"oft_blocks": BLOCKS})
    for block in range(3):
        q = BLOCKS[block, 0, 1] - BLOCKS[block, 1, 0]
        # Cayley's transform of [[0, q], [-q, 0]] is the rotation by twice the angle whose tangent is q.
        angle = 2 * torch.atan(q)
        rotation = torch.tensor([[angle.cos(), angle.sin()], [-angle.sin(), angle.cos()]])
        rows = slice(2 * block, 2 * block + 2)
        close(turned[rows], rotation.T @ W[rows])


def test_the_strength_of_an_oft_mixes_turned_and_unturned() -> None:
    close(apply(W, {"oft_blocks": BLOCKS}, 0.25), 0.75 * W + 0.25 * apply(W, {"oft_blocks": BLOCKS}))


def test_an_ofts_alpha_bounds_the_rotation() -> None:
    skew = BLOCKS - BLOCKS.mT
    bounded = apply(W, {"oft_blocks": BLOCKS, "alpha": torch.tensor(float(skew.norm()) / 4)})
    close(bounded, apply(W, {"oft_blocks": BLOCKS / 4}))
    close(apply(W, {"oft_blocks": BLOCKS, "alpha": torch.tensor(99.0)}), apply(W, {"oft_blocks": BLOCKS}))


def test_rescaled_rows_are_longer_after_the_rotation() -> None:
    factors = draw(OUT, 1)
    close(apply(W, {"oft_blocks": BLOCKS, "rescale": factors}), apply(W, {"oft_blocks": BLOCKS}) * factors)


def test_a_boft_of_one_stage_turns_neighbours() -> None:
    blocks = draw(1, 4, 2, 2)
    weight = draw(8, IN)
    single = apply(weight, {"oft_blocks": blocks[0].mT.contiguous()})
    close(apply(weight, {"oft_blocks": blocks}), single)


def test_the_second_stage_of_a_boft_mixes_rows_two_apart() -> None:
    blocks = torch.zeros(2, 4, 2, 2)
    blocks[1, :, 0, 1] = 0.5
    weight = draw(8, IN)
    change = apply(torch.eye(8), {"oft_blocks": blocks})
    close(change @ change.T, torch.eye(8))
    rows, columns = (change - torch.diag(change.diag())).abs().gt(1e-6).nonzero(as_tuple=True)
    assert set((rows - columns).abs().tolist()) == {2}
    close(apply(weight, {"oft_blocks": blocks}), change @ weight)


def test_differences_are_added_and_replacements_replace() -> None:
    other = draw(OUT, IN, seed=9)
    close(apply(W, {"diff": other}, 0.5), W + 0.5 * other)
    assert torch.equal(apply(W, {"set_weight": other}, 0.5), other)
    assert torch.equal(apply(W[:, 0], {"b_norm": other[:, 1]}), W[:, 0] + other[:, 1])


def test_half_precision_is_widened_before_it_is_added() -> None:
    down, up = draw(RANK, IN), draw(OUT, RANK)
    changed = apply(W.half(), lora(down.half(), up.half()))
    assert changed.dtype == torch.float32
    close(changed, W.half().float() + up.half().float() @ down.half().float())
