import pytest
import torch

from engine.errors import BadInput
from engine.graph.kinds import Area, CondEntry, RelativeArea
from engine.nodes.regions import bounds_of, fit_mask, region_of
from engine.sampling.regions import Region
from engine.sampling.sigmas import scaled_linear_sigmas

TEXT = torch.zeros(1, 77, 48)
SIZE = torch.Size((24, 32))


def resolve(**changes: object) -> Region:
    entry = CondEntry(TEXT, **changes)  # type: ignore[arg-type]
    return region_of(entry, scaled_linear_sigmas(), SIZE, torch.device("cpu"))


def test_an_entry_without_limits_counts_everywhere_and_always() -> None:
    region = resolve()
    assert (region.area, region.mask, region.strength) == (None, None, 1.0)
    assert region.holds_at(14.6)
    assert region.holds_at(0.0)


def test_shares_become_whole_cells_and_at_least_one() -> None:
    assert resolve(area=RelativeArea(0.5, 0.01, 0.25, 0.33)).area == Area(12, 1, 6, 11)


def test_a_mask_is_brought_to_the_latent_bilinearly() -> None:
    mask = torch.zeros(1, 48, 64)
    mask[:, :, 31:] = 1
    fitted = fit_mask(mask, SIZE)
    assert fitted.shape == (1, 24, 32)
    assert fitted[0, 0, 14:17].tolist() == [0.0, 0.5, 1.0]


def test_a_masks_strength_is_part_of_it() -> None:
    region = resolve(mask=torch.ones(1, 24, 32), mask_strength=0.25)
    assert region.mask is not None
    assert set(region.mask.flatten().tolist()) == {0.25}


def test_the_bounds_of_a_mask_can_be_its_area() -> None:
    mask = torch.zeros(1, 24, 32)
    mask[0, 4:20, 10:22] = 0.5
    assert resolve(mask=mask, is_cut_to_mask=True).area == Area(16, 12, 4, 10)


def test_bounds_are_at_least_eight_cells() -> None:
    mask = torch.zeros(1, 24, 32)
    mask[0, 20, 3] = 1
    assert bounds_of(mask) == Area(8, 8, 20, 3)
    assert bounds_of(torch.zeros(1, 24, 32)) == Area(8, 8, 0, 0)


def test_a_range_becomes_noise_levels() -> None:
    sigmas = scaled_linear_sigmas()
    region = resolve(start=0.25, end=0.5)
    # 999 timesteps fall evenly: three quarters of them are 749.25.
    assert region.sigma_start == pytest.approx(float(sigmas.sigma_at(torch.tensor(749.25))))
    assert region.sigma_end == pytest.approx(float(sigmas.sigma_at(torch.tensor(499.5))))


def test_an_area_outside_of_the_picture_is_refused() -> None:
    with pytest.raises(BadInput, match=r"begins at x = 40, y = 0, outside of the latent of 32 × 24 cells"):
        resolve(area=Area(8, 8, 0, 40))
