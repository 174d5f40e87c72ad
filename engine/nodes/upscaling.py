"""Nodes that enlarge pictures by networks trained for it."""

from collections.abc import Iterator
from typing import Annotated, cast

import torch
from torch import Tensor, nn

from engine.errors import BadInput
from engine.graph.context import Context
from engine.graph.kinds import FileChoice, Image, UpscaleModel
from engine.graph.spec import node
from engine.models import rrdb, srvgg
from engine.models.detect import detect_part, find_place
from engine.models.rrdb import RrdbConfig
from engine.models.srvgg import SrvggConfig
from engine.nodes.model_files import handle_of
from engine.nodes.resize import check_size
from engine.nodes.tiling import Tiles, Zoom, run_tiled, run_within_memory
from engine.weights.header import read_header

# Sides of tiles in pixels, ever smaller where memory runs out.
SIDES_PX = (512, 256, 128)
OVERLAP_PX = 32

UpscaleModelName = Annotated[str, FileChoice("upscale_models")]


@node("UpscaleModelLoader", category="loaders", title="Load Upscale Model")
def upscale_model_loader(*, model_name: UpscaleModelName, ctx: Context) -> UpscaleModel:
    """Loads a network that enlarges pictures: ESRGAN, Real-ESRGAN or its compact kind."""
    path = ctx.models.resolve("upscale_models", model_name)
    shapes = read_header(path).shapes
    layout = rrdb.PART if find_place(shapes, rrdb.PART) else srvgg.PART
    detected = detect_part(shapes, layout, f"{path.name}: the upscaler")
    return UpscaleModel(handle_of(path, "esrgan", "upscaler", detected))


@node("ImageUpscaleWithModel", category="image/upscaling", title="Upscale Image (using Model)")
def image_upscale_with_model(*, upscale_model: UpscaleModel, image: Image, ctx: Context) -> Image:
    """Enlarges pictures tile by tile, by the factor that the network was trained for."""
    config = cast("RrdbConfig | SrvggConfig", upscale_model.handle.config)
    if config.channels != 3:
        name = upscale_model.handle.path.name
        raise BadInput(f"{name} takes pictures of {config.channels} channels, not of 3")
    count, height, width = image.pixels.shape[:3]
    check_size(width * config.scale, height * config.scale, count)
    placement = ctx.pool.placement
    pictures = image.pixels[..., :3].permute(0, 3, 1, 2)
    with torch.inference_mode(), ctx.pool.lease(upscale_model.handle) as module:

        def call(part: Tensor) -> Tensor:
            ctx.check_cancelled()
            return upscale(module, config, part.to(placement.device, placement.dtype_of("upscaler")))

        def by_plan(plan: Tiles | None) -> Tensor:
            made = [
                call(picture) if plan is None else run_tiled(call, picture, plan, Zoom(1, config.scale))
                for picture in pictures.split(1)
            ]
            return torch.cat([picture.float().cpu() for picture in made])

        enlarged = run_within_memory(by_plan, _plans(max(height, width)), placement)
        return Image(enlarged.permute(0, 2, 3, 1).clamp(0, 1))


def _plans(longest: int) -> Iterator[Tiles | None]:
    """The whole picture where it is no larger than a tile, then ever smaller tiles."""
    if longest <= SIDES_PX[0]:
        yield None
    yield from (Tiles(side, side, OVERLAP_PX) for side in SIDES_PX if side < longest)


def upscale(network: nn.Module, config: RrdbConfig | SrvggConfig, pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in any size -> (B, 3, scale * H, scale * W): what does not fill a fold is repeated."""
    height, width = pixels.shape[-2:]
    missing = (0, -width % config.fold, 0, -height % config.fold)
    padded = nn.functional.pad(pixels, missing, mode="replicate")
    return network(padded)[..., : height * config.scale, : width * config.scale]
