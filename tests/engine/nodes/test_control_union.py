"""Control networks of several tasks, against diffusers."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from diffusers import ControlNetUnionModel
from torch import Tensor

from engine.errors import BadInput
from engine.graph.kinds import ControlNetwork, Image
from engine.nodes.control import control_net_apply_advanced, set_union_control_net_type
from tests.engine.nodes.studio import Studio
from tests.engine.nodes.test_control import (
    EXACT,
    HINT,
    PICTURE,
    SIZES,
    TOLERANCE,
    control_net_of,
    load,
    sample,
    sides_of,
    studio_with,
)
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.families import Setting, TinyFamily, draw, draw_family, run_chain

TASKS = (
    "openpose",
    "depth",
    "hed/pidi/scribble/ted",
    "canny/lineart/anime_lineart/mlsd",
    "normal",
    "segment",
    "tile",
    "repaint",
)


def union_of(family: TinyFamily, tasks: int = 8) -> ControlNetUnionModel:
    """diffusers' network of several tasks for that U-Net, with seeded weights."""
    unet = family.unet
    kind: Any = ControlNetUnionModel
    net = kind(
        in_channels=4,
        conditioning_channels=3,
        down_block_types=["CrossAttnDownBlock2D" if level.depth else "DownBlock2D" for level in unet.levels],
        block_out_channels=[level.channels for level in unet.levels],
        layers_per_block=unet.levels[0].residual_blocks,
        cross_attention_dim=unet.context_width,
        attention_head_dim=[unet.heads_at(level.channels) for level in unet.levels],
        transformer_layers_per_block=[level.depth or unet.middle_depth or 1 for level in unet.levels],
        use_linear_projection=True,
        projection_class_embeddings_input_dim=unet.vector_width,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        num_control_type=tasks,
        num_trans_channel=32,
        num_proj_channel=32,
        num_trans_layer=2,
    )
    net.load_state_dict(draw(net, "union."))
    return net.eval()


def told(net: Any, task: int, count: int, scale: float) -> Any:
    """What a chain's U-Net is called with besides."""

    def call(x: Tensor, timestep: Tensor, arguments: dict[str, Any]) -> dict[str, Any]:
        chosen = torch.eye(count)[task].expand(len(x), -1)
        down, middle = net(
            x,
            timestep,
            controlnet_cond=[HINT.expand(len(x), -1, -1, -1)],
            control_type=chosen,
            control_type_idx=[task],
            conditioning_scale=scale,
            return_dict=False,
            **arguments,
        )
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    return call


def with_task(network: ControlNetwork, task: str) -> ControlNetwork:
    return set_union_control_net_type(control_net=network, type=cast("Any", task))


@pytest.mark.parametrize("task", [0, 3, 7])
def test_a_network_says_for_each_task_what_diffusers_says(tmp_path: Path, task: int) -> None:
    net: Any = union_of(families.SDXL)
    studio = studio_with(tmp_path, families.SDXL, net=net.state_dict())
    network = with_task(load(studio), TASKS[task])
    x, text = torch.randn(2, 4, 8, 8), torch.randn(2, 77, families.SDXL.unet.context_width)
    arguments = {"text_embeds": torch.randn(2, 1280), "time_ids": torch.tensor(SIZES)}
    numbers = net.add_time_proj(arguments["time_ids"].flatten()).reshape(2, -1)
    vector = torch.cat([arguments["text_embeds"], numbers], 1)
    with torch.inference_mode(), studio.pool.lease(network.handle) as module:
        found = cast("Any", module)(x, HINT, torch.tensor([400, 400]), text, vector, network.task)
        others = {"encoder_hidden_states": text, "added_cond_kwargs": arguments}
        expected = told(net, task, 8, 1.0)(x, torch.tensor(400), others)
    pairs = zip(found.skips, expected["down_block_additional_residuals"], strict=True)
    errors = [relative_error(*pair) for pair in pairs]
    assert max(*errors, relative_error(found.middle, expected["mid_block_additional_residual"])) < EXACT


def test_a_chain_that_a_task_controls_gives_diffusers_latent(tmp_path: Path) -> None:
    net = union_of(families.SDXL)
    studio = studio_with(tmp_path, families.SDXL, net=net.state_dict())
    made = controlled(studio, with_task(load(studio), "depth"))
    setting = Setting(numbers=SIZES, control=told(net, 1, 8, 0.7))
    expected, _ = run_chain(families.SDXL, draw_family(families.SDXL), setting)
    assert relative_error(made, expected) < TOLERANCE


def controlled(studio: Studio, network: ControlNetwork) -> Tensor:
    positive, negative = sides_of(studio)
    sides = control_net_apply_advanced(
        positive=positive, negative=negative, control_net=network, image=Image(PICTURE), strength=0.7
    )
    return sample(studio, studio.load()[0], *sides)


def test_without_what_tasks_add_a_network_is_a_plain_one(tmp_path: Path) -> None:
    plain = control_net_of(families.SDXL)
    special = {
        name: torch.zeros_like(tensor)
        for name, tensor in union_of(families.SDXL).state_dict().items()
        if name.split(".")[0]
        in ("task_embedding", "transformer_layes", "spatial_ch_projs", "control_add_embedding")
    }
    union = plain.state_dict() | special
    studio = studio_with(tmp_path, families.SDXL, net=union, plain=plain.state_dict())
    expected = controlled(studio, load(studio, "plain"))
    for task in ("auto", "tile"):
        assert relative_error(controlled(studio, with_task(load(studio), task)), expected) < TOLERANCE


def test_each_task_and_none_make_a_difference(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SDXL, net=union_of(families.SDXL).state_dict())
    auto, depth, tile = (controlled(studio, with_task(load(studio), t)) for t in ("auto", "depth", "tile"))
    assert torch.equal(controlled(studio, load(studio)), auto)
    assert min(relative_error(depth, auto), relative_error(tile, auto), relative_error(depth, tile)) > 1e-3


def test_a_plain_network_takes_no_notice_of_a_task(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SDXL, net=control_net_of(families.SDXL).state_dict())
    network = load(studio)
    assert torch.equal(controlled(studio, with_task(network, "tile")), controlled(studio, network))


def test_a_task_that_a_network_does_not_know_is_refused(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SDXL, net=union_of(families.SDXL, tasks=6).state_dict())
    with pytest.raises(BadInput, match=r"net\.safetensors knows 6 kinds of pictures.*number 8"):
        controlled(studio, with_task(load(studio), "repaint"))
