"""Changes to the U-Net's computation: FreeU against diffusers' filter, merging where it is exact."""

from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from diffusers.utils.torch_utils import fourier_filter
from torch import Tensor, nn

from engine.graph.adaptations import FreeU, TokenMerging
from engine.models.sd_unet import Level, SdUNet, SdUNetConfig
from engine.models.sd_unet_hooks import (
    Merge,
    damp_low_frequencies,
    draw_kept,
    free_u,
    skip_widths,
    strengthen,
    token_merging,
    without_middle_self_attention,
)
from tests.engine.oracles.families import draw

CONFIG = SdUNetConfig(4, 4, 32, 48, (Level(32, 1, 1), Level(64, 1, 1), Level(128, 2, 0)))
SETTINGS = FreeU(b1=1.3, b2=1.4, s1=0.9, s2=0.2, is_adaptive=False)


def picture(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.fixture(scope="module")
def network() -> SdUNet:
    built = CONFIG.build()
    built.load_state_dict(draw(built, ""))
    return built.eval()


def run(network: SdUNet, side: int = 8) -> Tensor:
    with torch.inference_mode():
        return network(picture(2, 4, side, side), torch.tensor([500, 500]), picture(2, 7, 48))


def inputs_of(network: SdUNet, hooks: AbstractContextManager[None]) -> list[Tensor]:
    """What the blocks on the way up are given."""
    seen: list[Tensor] = []

    def watch(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        seen.append(arguments[0].clone())

    with hooks:
        watches = [block.register_forward_pre_hook(watch) for block in network.output_blocks]
        run(network)
    for each in watches:
        each.remove()
    return seen


def test_skips_are_as_wide_as_the_blocks_say(network: SdUNet) -> None:
    widths = [block[0].in_layers[2].in_channels for block in network.output_blocks]  # type: ignore[index,union-attr]
    features = [128, *(block[0].in_layers[2].out_channels for block in network.output_blocks)]  # type: ignore[index,union-attr]
    skips = reversed(skip_widths(CONFIG))
    assert widths == [before + skip for before, skip in zip(features, skips, strict=False)]


@pytest.mark.parametrize("factor", [0.2, 0.9])
@pytest.mark.parametrize("size", [(8, 8), (6, 10), (7, 9), (2, 2), (1, 3)])
def test_low_frequencies_are_damped_as_in_diffusers(size: tuple[int, int], factor: float) -> None:
    skip = picture(2, 3, *size)
    expected = fourier_filter(skip, threshold=1, scale=factor)
    # Two transforms each, in float32.
    torch.testing.assert_close(damp_low_frequencies(skip, factor), expected, rtol=1e-4, atol=1e-5)


def test_the_first_half_of_the_features_is_strengthened() -> None:
    features = picture(2, 6, 4, 4)
    expected = torch.cat([features[:, :3] * 1.3, features[:, 3:]], dim=1)
    assert torch.equal(strengthen(features, 1.3, is_adaptive=False), expected)


def test_adaptive_features_are_strengthened_by_their_mean() -> None:
    features = torch.ones(1, 4, 1, 3) * torch.tensor([1.0, 2.0, 3.0])
    found = strengthen(features, 1.5, is_adaptive=True)
    torch.testing.assert_close(found[0, 0, 0], torch.tensor([1.0, 2.0 * 1.25, 3.0 * 1.5]))
    assert torch.equal(found[:, 2:], features[:, 2:])


def test_free_u_changes_blocks_by_the_width_of_their_features(network: SdUNet) -> None:
    seen = inputs_of(network, free_u(network, SETTINGS))
    plain = inputs_of(network, free_u(network, FreeU(1.0, 1.0, 1.0, 1.0, is_adaptive=False)))
    widths = list(reversed(skip_widths(CONFIG)))
    features, skip = plain[0][:, :128], plain[0][:, 128:]
    expected = [strengthen(features, 1.3, is_adaptive=False), damp_low_frequencies(skip, 0.9)]
    torch.testing.assert_close(seen[0], torch.cat(expected, dim=1))
    # Features of half the width: the skips, which nothing before has touched, tell.
    place = next(n for n, given in enumerate(plain) if given.shape[1] - widths[n] == 64)
    skip = plain[place][:, 64:]
    torch.testing.assert_close(seen[place][:, 64:], damp_low_frequencies(skip, 0.2), rtol=1e-4, atol=1e-4)
    # The finest blocks are left alone.
    assert torch.equal(seen[-1][:, 32:], plain[-1][:, 32:])


def test_hooks_are_gone_afterwards(network: SdUNet) -> None:
    before = run(network)
    for hooks in (
        free_u(network, SETTINGS),
        token_merging(network, TokenMerging(0.5)),
        without_middle_self_attention(network),
    ):
        with hooks:
            assert not torch.equal(run(network), before)
        assert torch.equal(run(network), before)


def test_the_perturbed_attention_gives_each_token_its_own_value(network: SdUNet) -> None:
    attention = network.middle_block[1].transformer_blocks[0].attn1  # type: ignore[index,union-attr]
    tokens = picture(1, 4, 128)
    with torch.inference_mode(), without_middle_self_attention(network):
        found = attention(tokens)  # type: ignore[operator]
        assert torch.equal(found, attention.to_out(attention.to_v(tokens)))  # type: ignore[union-attr,operator]


def test_merging_nothing_changes_nothing(network: SdUNet) -> None:
    before = run(network)
    with token_merging(network, TokenMerging(0.0)):
        # Tokens come in another order.
        torch.testing.assert_close(run(network), before, rtol=1e-4, atol=1e-4)


def test_runs_with_merging_repeat(network: SdUNet) -> None:
    results: list[Tensor] = []
    for _ in range(2):
        with token_merging(network, TokenMerging(0.5)):
            results.append(run(network, side=9))
    assert torch.equal(*results)


def test_equal_tokens_are_merged_and_parted_without_loss() -> None:
    cells = picture(2, 5, 3, 3)
    tokens = cells.repeat_interleave(2, 2).repeat_interleave(2, 3).flatten(2).mT
    merge = Merge(tokens, (6, 6), 27, torch.Generator().manual_seed(0))
    joined = merge.join(tokens)
    assert joined.shape == (2, 9, 5)
    torch.testing.assert_close(merge.part(joined), tokens)


def test_the_most_alike_tokens_are_merged_into_their_mean() -> None:
    tokens = torch.eye(4)[None].clone()
    generator = torch.Generator().manual_seed(0)
    (kept,) = draw_kept((2, 2), torch.Generator().manual_seed(0)).nonzero()[:, 0].tolist()
    near = (kept + 1) % 4
    tokens[0, near] = 2 * tokens[0, kept] + 0.1 * tokens[0, near]
    merge = Merge(tokens, (2, 2), 1, generator)
    parted = merge.part(merge.join(tokens))
    mean = (tokens[0, near] + tokens[0, kept]) / 2
    torch.testing.assert_close(parted[0, [near, kept]], torch.stack([mean, mean]))
    others = [token for token in range(4) if token not in (near, kept)]
    assert torch.equal(parted[0, others], tokens[0, others])


@pytest.mark.parametrize(("size", "count"), [((4, 6), 6), ((5, 7), 6), ((1, 9), 0)])
def test_one_token_of_each_whole_cell_is_kept(size: tuple[int, int], count: int) -> None:
    kept = draw_kept(size, torch.Generator().manual_seed(1)).reshape(size)
    assert int(kept.sum()) == count
    rows, columns = (side // 2 * 2 for side in size)
    cells = kept[:rows, :columns].reshape(size[0] // 2, 2, -1, 2).sum(dim=(1, 3)) if count else kept.sum()
    assert cells.eq(1 if count else 0).all()
