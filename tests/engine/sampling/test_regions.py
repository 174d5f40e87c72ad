from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from engine.graph.kinds import Area
from engine.sampling.denoiser import Condition
from engine.sampling.guidance import Guided, Predict, guide, match_areas
from engine.sampling.regions import EVERYWHERE, Region, encloses

X = torch.zeros(1, 4, 24, 32)


def says(value: float, region: Region = EVERYWHERE) -> Condition:
    return Condition(torch.full((1, 77, 3), value), region=region)


def mean_of_text(x: Tensor, sigma: float, condition: Condition) -> Tensor:
    """A stand-in for a network: says what it was told, everywhere."""
    return condition.text.mean(dim=(1, 2))[:, None, None, None].expand_as(x)


def estimate_sides(
    predict: Predict,
    x: Tensor,
    sigma: float,
    sides: Sequence[Sequence[Condition]],
    most_cells: int | None = None,
) -> list[Tensor]:
    return Guided(predict, (), (), most_cells).estimate(x, sigma, sides)


def expect(*conditions: Condition, sigma: float = 1.0, x: Tensor = X) -> Tensor:
    """What one side expects in each cell (H, W) of the first sample."""
    (estimate,) = estimate_sides(mean_of_text, x, sigma, [conditions])
    return estimate[0, 0]


def test_an_area_without_neighbours_counts_fully_to_its_edges() -> None:
    weight = Region(area=Area(24, 32, 0, 0)).weight(X)
    assert torch.equal(weight, torch.ones(1, 1, 24, 32))


def test_an_area_fades_out_towards_its_neighbours_over_eight_cells() -> None:
    weight = Region(area=Area(24, 20, 0, 12), strength=2.0).weight(torch.zeros(1, 4, 24, 40))
    # 20 // 4 is less than 8, so it fades over 5 cells, on both sides.
    edge = [2 / 5, 4 / 5, 6 / 5, 8 / 5, 2.0]
    assert weight[0, 0, 3, :5].tolist() == pytest.approx(edge)
    assert weight[0, 0, 3, -5:].tolist() == pytest.approx(edge[::-1])
    assert set(weight[0, 0, 3, 5:15].tolist()) == {2.0}


def test_fading_reaches_eight_cells_at_most_and_corners_fade_twice() -> None:
    weight = Region(area=Area(40, 40, 8, 8)).weight(torch.zeros(1, 4, 64, 64))
    assert weight[0, 0, 20, :9].tolist() == pytest.approx([step / 8 for step in range(1, 9)] + [1.0])
    assert weight[0, 0, 0, 0].item() == pytest.approx(1 / 64)


def test_an_area_that_leads_out_of_the_picture_is_cut_off() -> None:
    assert Region(area=Area(100, 100, 8, 16)).clip(X) == Area(16, 16, 8, 16)


def test_a_mask_is_not_faded_and_is_cut_to_the_area() -> None:
    mask = torch.rand(1, 24, 32)
    weight = Region(mask=mask, area=Area(8, 8, 4, 6), strength=0.5).weight(X)
    assert torch.equal(weight[0, 0], mask[0, 4:12, 6:14] * 0.5)


def test_estimates_are_weighted_means_in_every_cell() -> None:
    area = Region(area=Area(24, 16, 0, 16), strength=3.0)
    weight = torch.zeros(24, 32)
    weight[:, 16:] = area.weight(X)[0, 0]
    torch.testing.assert_close(
        expect(says(1.0), says(5.0, area)), (1.0 + 5.0 * weight) / (1.0 + weight), rtol=1e-6, atol=1e-6
    )


def test_a_cell_that_no_condition_covers_is_expected_to_be_zero() -> None:
    side = expect(says(5.0, Region(mask=torch.eye(24, 32)[None])))
    assert torch.equal(side, 5.0 * torch.eye(24, 32))


def test_the_network_sees_the_area_alone() -> None:
    seen: list[tuple[int, ...]] = []

    def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
        assert condition.channels is not None
        seen.append((*x.shape, *condition.channels.shape[1:]))
        return x

    channels = torch.rand(1, 5, 24, 32)
    told = [
        Condition(torch.ones(1, 77, 3), channels=channels, region=region)
        for region in (Region(area=Area(8, 12, 2, 4)), EVERYWHERE)
    ]
    estimate_sides(predict, X, 1.0, [told])
    assert seen == [(1, 4, 8, 12, 5, 8, 12), (1, 4, 24, 32, 5, 24, 32)]


def test_areas_of_one_size_go_through_the_network_together() -> None:
    batches: list[int] = []

    def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
        batches.append(len(x))
        return mean_of_text(x, sigma, condition)

    left, right = (Region(area=Area(24, 16, 0, x)) for x in (0, 16))
    sides = [[says(1.0, left), says(2.0, right)], [says(0.0)]]
    positive, _ = estimate_sides(predict, X, 1.0, sides)
    assert batches == [2, 1]
    assert positive[0, 0, 0, [0, 31]].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("sigma", "expected"), [(9.0, 1.0), (8.0, 3.0), (2.0, 3.0), (1.9, 1.0)])
def test_a_range_holds_from_its_start_to_its_end(sigma: float, expected: float) -> None:
    ranged = says(5.0, Region(sigma_start=8.0, sigma_end=2.0))
    assert expect(says(1.0), ranged, sigma=sigma)[0, 0].item() == pytest.approx(expected)


def test_the_rest_is_filled_by_what_is_told_for_it() -> None:
    mask = torch.zeros(1, 24, 32)
    mask[:, :, 8:16], mask[:, :, 16:] = 0.25, 2.0
    side = expect(says(4.0, Region(mask=mask)), says(8.0, Region(is_rest=True)))
    assert side[0, [0, 8, 31]].tolist() == pytest.approx([8.0, 0.25 * 4.0 + 0.75 * 8.0, 4.0])


def test_nothing_left_needs_no_filling() -> None:
    calls: list[float] = []

    def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
        calls.append(float(condition.text[0, 0, 0]))
        return x

    estimate_sides(predict, X, 1.0, [[says(1.0), says(2.0, Region(is_rest=True))]])
    assert calls == [1.0]


def test_each_sample_has_its_own_mask_where_there_are_as_many() -> None:
    masks = torch.stack([torch.zeros(24, 32), torch.ones(24, 32)])
    (estimate,) = estimate_sides(mean_of_text, X.repeat(3, 1, 1, 1), 1.0, [[says(5.0, Region(mask=masks))]])
    assert estimate[:, 0, 0, 0].tolist() == [0.0, 5.0, 0.0]


def test_the_other_side_is_asked_about_the_same_area() -> None:
    area = Region(area=Area(8, 8, 0, 8), strength=0.5)
    positive, negative = match_areas([[says(1.0), says(2.0, area)], [says(3.0)]])
    assert len(positive) == 2
    assert [condition.region for condition in negative] == [EVERYWHERE, area]
    assert torch.equal(negative[1].text, says(3.0).text)


def test_the_smallest_enclosing_area_answers_for_a_smaller_one() -> None:
    small, large = (Region(area=Area(side, side, 0, 0)) for side in (8, 16))
    _, negative = match_areas([[says(1.0, small)], [says(3.0), says(4.0, large)]])
    assert [float(condition.text[0, 0, 0]) for condition in negative] == [3.0, 4.0, 4.0]


def test_an_area_that_both_sides_have_is_not_doubled() -> None:
    area = Region(area=Area(8, 8, 0, 0))
    assert [len(side) for side in match_areas([[says(1.0, area)], [says(2.0), says(3.0, area)]])] == [1, 2]


def test_nothing_answers_for_an_area_that_nothing_encloses() -> None:
    left, right = (Region(area=Area(8, 8, 0, x)) for x in (0, 16))
    assert [len(side) for side in match_areas([[says(1.0, left)], [says(2.0, right)]])] == [1, 1]


def test_guidance_in_an_area_moves_away_from_the_others_sides_estimate_there() -> None:
    area = Region(area=Area(24, 16, 0, 16))
    guided = guide(mean_of_text, [says(1.0), says(5.0, area)], [says(2.0)], 3.0)(X, 1.0)[0, 0]
    towards = expect(says(1.0), says(5.0, area))
    torch.testing.assert_close(guided, 2.0 + 3.0 * (towards - 2.0))


def test_an_area_encloses_what_lies_in_it() -> None:
    assert encloses(Area(8, 8, 0, 0), Area(4, 8, 4, 0))
    assert not encloses(Area(8, 8, 0, 0), Area(8, 8, 0, 1))


def crowd() -> list[list[Condition]]:
    """Six conditions of one size, three of another; one has texts of another length."""
    places = [Region(area=Area(8, 8, 8, x)) for x in (0, 8, 16)]
    long = Condition(torch.full((1, 154, 3), 4.0))
    return [
        [says(1.0), says(2.0), says(3.0), long, *(says(5.0 + n, place) for n, place in enumerate(places))],
        [says(-1.0), says(-2.0)],
    ]


WHOLE = 24 * 32


@pytest.mark.parametrize(
    ("most_cells", "batches"),
    [
        (None, [6, 3]),
        (6 * WHOLE, [6, 3]),
        (4 * WHOLE - 1, [3, 3, 3]),
        (2 * WHOLE, [2, 2, 2, 3]),
        (2 * 64, [1, 1, 1, 1, 1, 1, 2, 1]),
        (1, [1] * 9),
    ],
)
def test_batches_have_at_most_so_many_cells_and_say_the_same(
    most_cells: int | None, batches: list[int]
) -> None:
    seen: list[int] = []

    def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
        seen.append(len(x))
        return x * sigma + mean_of_text(x, sigma, condition)

    x = torch.randn(1, 4, 24, 32, generator=torch.Generator().manual_seed(0))
    found = estimate_sides(predict, x, 0.5, crowd(), most_cells)
    whole = estimate_sides(predict, x, 0.5, crowd())
    assert seen[: len(batches)] == batches
    assert all(torch.equal(*pair) for pair in zip(found, whole, strict=True))


def test_samples_of_one_condition_stay_together() -> None:
    seen: list[int] = []

    def predict(x: Tensor, sigma: float, condition: Condition) -> Tensor:
        seen.append(len(x))
        return x

    estimate_sides(predict, X.repeat(3, 1, 1, 1), 1.0, [[says(1.0), says(2.0)]], 4 * WHOLE)
    assert seen == [3, 3]
