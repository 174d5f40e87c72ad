from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.errors import BadInput, Cancelled, UnsupportedCheckpoint
from engine.graph.kinds import Image, UpscaleModel
from engine.models.rrdb import RrdbConfig
from engine.models.srvgg import SrvggConfig
from engine.nodes.upscaling import image_upscale_with_model, upscale_model_loader
from tests.engine.nodes.studio import Studio
from tests.engine.oracles.upscalers import draw, first_names, second_names

ESRGAN = RrdbConfig(channels=3, width=6, growth=4, blocks=1, doublings=2)
FOLDED = RrdbConfig(channels=3, width=6, growth=4, blocks=1, doublings=2, fold=2)
COMPACT = SrvggConfig(channels=3, width=6, convolutions=1, scale=3)


def load(folder: Path, weights: dict[str, Tensor]) -> tuple[Studio, UpscaleModel]:
    (folder / "upscale_models").mkdir()
    save_file(weights, folder / "upscale_models" / "larger.safetensors")
    studio = Studio(folder)
    return studio, upscale_model_loader(model_name="larger.safetensors", ctx=studio.context)


def tame(config: RrdbConfig | SrvggConfig) -> dict[str, Tensor]:
    """Weights whose pictures stay inside [0, 1]."""
    weights = draw(config)
    last = max(weights) if isinstance(config, SrvggConfig) else "conv_last.weight"
    weights[last] = weights[last] * 0.1
    weights[last.replace("weight", "bias")] = torch.full_like(weights[last.replace("weight", "bias")], 0.2)
    return weights


def whole(config: RrdbConfig | SrvggConfig, weights: dict[str, Tensor], pixels: Tensor) -> Tensor:
    network = config.build().eval()
    network.load_state_dict(weights)
    with torch.inference_mode():
        return network(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).clamp(0, 1)


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "params_ema"])
def test_files_of_torch_save_enlarge_as_well(tmp_path: Path, wrapped: bool) -> None:
    weights = tame(ESRGAN)
    (tmp_path / "upscale_models").mkdir()
    torch.save({"params_ema": weights} if wrapped else weights, tmp_path / "upscale_models" / "4x.pth")
    studio = Studio(tmp_path)
    assert list(studio.context.models.names("upscale_models")) == ["4x.pth"]
    model = upscale_model_loader(model_name="4x.pth", ctx=studio.context)
    pixels = torch.rand(1, 9, 13, 3)
    found = image_upscale_with_model(upscale_model=model, image=Image(pixels), ctx=studio.context).pixels
    torch.testing.assert_close(found, whole(ESRGAN, weights, pixels), rtol=0, atol=1e-5)


@pytest.mark.parametrize("layout", ["first", "second", "third", "averaged"])
def test_esrgan_enlarges_fourfold_in_every_layout(tmp_path: Path, layout: str) -> None:
    weights, numbers = tame(ESRGAN), first_names(ESRGAN)
    names = {
        "first": numbers.__getitem__,
        "second": second_names,
        "third": str,
        "averaged": "params_ema.{}".format,
    }
    studio, model = load(tmp_path, {names[layout](name): value for name, value in weights.items()})
    pixels = torch.rand(2, 9, 13, 3)
    found = image_upscale_with_model(upscale_model=model, image=Image(pixels), ctx=studio.context).pixels
    assert found.shape == (2, 36, 52, 3)
    torch.testing.assert_close(found, whole(ESRGAN, weights, pixels), rtol=0, atol=1e-5)


def test_the_compact_network_enlarges_threefold(tmp_path: Path) -> None:
    weights = tame(COMPACT)
    studio, model = load(tmp_path, weights)
    pixels = torch.rand(1, 9, 13, 3)
    found = image_upscale_with_model(upscale_model=model, image=Image(pixels), ctx=studio.context).pixels
    assert found.shape == (1, 27, 39, 3)
    torch.testing.assert_close(found, whole(COMPACT, weights, pixels), rtol=0, atol=1e-5)


def test_sides_that_do_not_fold_are_filled_and_cut(tmp_path: Path) -> None:
    weights = tame(FOLDED)
    studio, model = load(tmp_path, weights)
    pixels = torch.rand(1, 9, 13, 3)
    found = image_upscale_with_model(upscale_model=model, image=Image(pixels), ctx=studio.context).pixels
    filled = torch.cat([pixels, pixels[:, -1:]], 1)
    filled = torch.cat([filled, filled[:, :, -1:]], 2)
    torch.testing.assert_close(found, whole(FOLDED, weights, filled)[:, :18, :26], rtol=0, atol=1e-5)


def test_transparency_is_left_out(tmp_path: Path) -> None:
    studio, model = load(tmp_path, tame(COMPACT))
    pixels = torch.rand(1, 8, 8, 4)
    plain = Image(pixels[..., :3])
    found = image_upscale_with_model(upscale_model=model, image=Image(pixels), ctx=studio.context).pixels
    expected = image_upscale_with_model(upscale_model=model, image=plain, ctx=studio.context).pixels
    assert torch.equal(found, expected)


def test_large_pictures_are_enlarged_in_tiles_that_shrink_where_memory_runs_out(tmp_path: Path) -> None:
    weights = tame(COMPACT)
    studio, model = load(tmp_path, weights)
    given: list[tuple[int, int]] = []

    def before(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        given.append(tuple(arguments[0].shape[-2:]))
        if max(given[-1]) > 256:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with studio.pool.lease(model.handle) as module:
        module.register_forward_pre_hook(before)
    pixels = torch.rand(1, 40, 530, 3)
    found = image_upscale_with_model(upscale_model=model, image=Image(pixels), ctx=studio.context).pixels
    assert given[:2] == [(40, 512), (40, 256)]
    expected = whole(COMPACT, weights, pixels)
    # Tiles begin and end in zeros where the picture goes on; their outermost pixels hardly count.
    assert float((found - expected).abs().max()) < 0.02


def test_cancelling_stops_between_tiles(tmp_path: Path) -> None:
    studio, model = load(tmp_path, tame(COMPACT))
    studio.is_cancelled = lambda: True
    with pytest.raises(Cancelled):
        image_upscale_with_model(upscale_model=model, image=Image(torch.rand(1, 8, 8, 3)), ctx=studio.context)


def test_a_picture_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    studio, model = load(tmp_path, tame(COMPACT))
    large = Image(torch.zeros(1, 1, 1, 3).expand(1, 3000, 3000, 3))
    with pytest.raises(BadInput, match="9000 × 9000"):
        image_upscale_with_model(upscale_model=model, image=large, ctx=studio.context)


def test_a_network_for_grey_is_refused(tmp_path: Path) -> None:
    studio, model = load(tmp_path, draw(RrdbConfig(1, 6, 4, 1, 0)))
    with pytest.raises(BadInput, match=r"larger\.safetensors takes pictures of 1 channels"):
        image_upscale_with_model(upscale_model=model, image=Image(torch.rand(1, 8, 8, 3)), ctx=studio.context)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedCheckpoint, match=r"larger\.safetensors: the upscaler is missing"):
        load(tmp_path, {"lora.weight": torch.zeros(1)})
