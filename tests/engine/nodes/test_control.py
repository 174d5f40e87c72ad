"""Control networks against diffusers: the networks by themselves, then whole chains."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from diffusers import ControlNetModel, T2IAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import BadInput, UnsupportedCheckpoint
from engine.graph.kinds import Conditioning, ControlNetwork, Image, Latent, Model
from engine.models.sd_unet import Level
from engine.nodes.conditioning import conditioning_combine, conditioning_set_area
from engine.nodes.control import (
    control_net_apply,
    control_net_apply_advanced,
    control_net_loader,
    diff_control_net_loader,
)
from engine.nodes.sampling import ksampler
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import relative_error
from tests.engine.oracles.families import Setting, TinyFamily, draw, draw_family, run_chain, write_family

# Networks are compared call by call, in float32; a chain's errors grow over four steps.
EXACT, TOLERANCE = 1e-5, 1e-4
PICTURE = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(4))
HINT = PICTURE.movedim(-1, 1)
EMPTY = Latent(torch.zeros(1, 4, 8, 8))
SIZES = ((64.0, 64.0, 0.0, 0.0, 64.0, 64.0),) * 2
# T2I-Adapters have four levels.
SD1_DEEP = replace(
    families.SD1,
    unet=replace(
        families.SD1.unet,
        levels=(Level(32, 1, 1), Level(64, 1, 1), Level(96, 1, 1), Level(96, 1, 0)),
    ),
)


def control_net_of(family: TinyFamily, name: str = "net") -> ControlNetModel:
    """diffusers' network for that U-Net, with seeded weights."""
    unet = family.unet
    told_sizes = {"addition_embed_type": "text_time", "addition_time_embed_dim": 256}
    kind: Any = ControlNetModel
    net = kind(
        in_channels=4,
        conditioning_channels=3,
        down_block_types=["CrossAttnDownBlock2D" if level.depth else "DownBlock2D" for level in unet.levels],
        block_out_channels=[level.channels for level in unet.levels],
        layers_per_block=unet.levels[0].residual_blocks,
        cross_attention_dim=unet.context_width,
        attention_head_dim=[unet.heads_at(level.channels) for level in unet.levels],
        transformer_layers_per_block=[level.depth or unet.middle_depth or 1 for level in unet.levels],
        use_linear_projection=unet.is_linear,
        projection_class_embeddings_input_dim=unet.vector_width,
        **({} if unet.vector_width is None else told_sizes),
    )
    net.load_state_dict(draw(net, f"{name}."))
    return net.eval()


def studio_with(folder: Path, family: TinyFamily, **networks: dict[str, Tensor]) -> Studio:
    for kind in ("checkpoints", "controlnet"):
        (folder / kind).mkdir()
    write_family(folder / "checkpoints" / "tiny.safetensors", family)
    for name, tensors in networks.items():
        save_file(tensors, folder / "controlnet" / f"{name}.safetensors")
    return Studio(folder)


def load(studio: Studio, name: str = "net") -> ControlNetwork:
    return control_net_loader(control_net_name=f"{name}.safetensors", ctx=studio.context)


def sides_of(studio: Studio) -> tuple[Conditioning, Conditioning]:
    return studio.encode(Setting.positive), studio.encode(Setting.negative)


def sample(studio: Studio, model: Model, positive: Conditioning, negative: Conditioning) -> Tensor:
    made = ksampler(
        model=model,
        seed=Setting.seed,
        steps=Setting.steps,
        cfg=Setting.cfg,
        sampler_name="euler",
        scheduler="normal",
        positive=positive,
        negative=negative,
        latent_image=EMPTY,
        ctx=studio.context,
    )
    return made.samples


def outputs_of(net: Any, scale: float) -> Any:
    """What a chain's U-Net is called with besides, as diffusers' pipelines do it."""

    def call(x: Tensor, timestep: Tensor, arguments: dict[str, Any]) -> dict[str, Any]:
        down, middle = net(
            x, timestep, controlnet_cond=HINT, conditioning_scale=scale, return_dict=False, **arguments
        )
        return {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}

    return call


@pytest.mark.parametrize(
    "family", [families.SD1, families.SD2, families.SDXL], ids=lambda family: family.name
)
def test_a_network_says_what_diffusers_says(tmp_path: Path, family: TinyFamily) -> None:
    net: Any = control_net_of(family)
    studio = studio_with(tmp_path, family, net=net.state_dict())
    x, text = torch.randn(2, 4, 8, 8), torch.randn(2, 77, family.unet.context_width)
    arguments: dict[str, Any] = {}
    vector = None
    if family.unet.vector_width:
        arguments = {"text_embeds": torch.randn(2, 1280), "time_ids": torch.tensor(SIZES)}
        vector = torch.cat(
            [arguments["text_embeds"], net.add_time_proj(arguments["time_ids"].flatten()).reshape(2, -1)], 1
        )
    with torch.inference_mode(), studio.pool.lease(load(studio).handle) as module:
        ours: Any = module
        told = ours(x, HINT, torch.tensor([400, 400]), text, vector)
        down, middle = net(x, 400, text, HINT, added_cond_kwargs=arguments or None, return_dict=False)
    errors = [relative_error(*pair) for pair in zip(told.skips, down, strict=True)]
    assert max(*errors, relative_error(told.middle, middle)) < EXACT


def test_the_released_layout_is_the_same_network(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1, net=control_net_of(families.SD1).state_dict())
    with studio.pool.lease(load(studio).handle) as module:
        state = {f"control_model.{name}": tensor for name, tensor in plain_state(load(studio)).items()}
        save_file(state, tmp_path / "controlnet" / "released.safetensors")
        x, text = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 48)
        arguments = (x, HINT, torch.tensor([400]), text)
        with torch.inference_mode(), studio.pool.lease(load(studio, "released").handle) as other:
            pairs = zip(
                cast("Any", module)(*arguments).skips, cast("Any", other)(*arguments).skips, strict=True
            )
            assert all(torch.equal(a, b) for a, b in pairs)


def plain_state(network: ControlNetwork) -> dict[str, Tensor]:
    """Its tensors under the released names."""
    stored = load_file(network.handle.path)
    layout: Any = network.handle.layout
    sources = layout({name: tuple(tensor.shape) for name, tensor in stored.items()})
    return {name: source.arrange(stored[source.name]).contiguous() for name, source in sources.items()}


def test_a_controlled_chain_gives_diffusers_latent(tmp_path: Path) -> None:
    net = control_net_of(families.SD1)
    studio = studio_with(tmp_path, families.SD1, net=net.state_dict())
    positive, negative = sides_of(studio)
    controlled = control_net_apply_advanced(
        positive=positive, negative=negative, control_net=load(studio), image=Image(PICTURE), strength=0.7
    )
    made = sample(studio, studio.load()[0], *controlled)
    expected, _ = run_chain(families.SD1, draw_family(families.SD1), Setting(control=outputs_of(net, 0.7)))
    assert relative_error(made, expected) < TOLERANCE


def test_several_networks_add_up_each_in_its_range(tmp_path: Path) -> None:
    first, second = control_net_of(families.SDXL, "first"), control_net_of(families.SDXL, "second")
    studio = studio_with(tmp_path, families.SDXL, first=first.state_dict(), second=second.state_dict())
    sides = sides_of(studio)
    for name, span in (("first", (0.0, 1.0)), ("second", (0.4, 0.8))):
        sides = control_net_apply_advanced(
            positive=sides[0],
            negative=sides[1],
            control_net=load(studio, name),
            image=Image(PICTURE),
            strength=0.5,
            start_percent=span[0],
            end_percent=span[1],
        )
    made = sample(studio, studio.load()[0], *sides)

    def both(x: Tensor, timestep: Tensor, arguments: dict[str, Any]) -> dict[str, Any]:
        told = outputs_of(first, 0.5)(x, timestep, arguments)
        # From 40 to 80 percent of 999 timesteps, counted down.
        if not 199.8 <= float(timestep) <= 599.4:
            return told
        more = outputs_of(second, 0.5)(x, timestep, arguments)
        down, middle = "down_block_additional_residuals", "mid_block_additional_residual"
        return {
            down: [a + b for a, b in zip(told[down], more[down], strict=True)],
            middle: told[middle] + more[middle],
        }

    setting = Setting(numbers=SIZES, control=both)
    expected, _ = run_chain(families.SDXL, draw_family(families.SDXL), setting)
    assert relative_error(made, expected) < TOLERANCE


def test_the_old_node_controls_the_negative_side_too(tmp_path: Path) -> None:
    net = control_net_of(families.SD1)
    studio = studio_with(tmp_path, families.SD1, net=net.state_dict())
    positive, negative = sides_of(studio)
    old = control_net_apply(
        conditioning=positive, control_net=load(studio), image=Image(PICTURE), strength=0.7
    )
    both = control_net_apply_advanced(
        positive=positive, negative=negative, control_net=load(studio), image=Image(PICTURE), strength=0.7
    )
    model = studio.load()[0]
    assert torch.equal(sample(studio, model, old, negative), sample(studio, model, *both))


def test_without_strength_nothing_is_controlled(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1, net=control_net_of(families.SD1).state_dict())
    positive, negative = sides_of(studio)
    network, image = load(studio), Image(PICTURE)
    same = control_net_apply(conditioning=positive, control_net=network, image=image, strength=0.0)
    sides = control_net_apply_advanced(
        positive=positive, negative=negative, control_net=network, image=image, strength=0.0
    )
    assert (same, *sides) == (positive, positive, negative)


def test_an_area_is_controlled_by_the_whole_picture(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1, net=control_net_of(families.SD1).state_dict())
    positive, negative = sides_of(studio)
    whole = control_net_apply(conditioning=positive, control_net=load(studio), image=Image(PICTURE))
    area = conditioning_set_area(conditioning=whole, width=64, height=64, x=0, y=0)
    # An area of the picture's size is the picture.
    model = studio.load()[0]
    made = sample(studio, model, conditioning_combine(conditioning_1=area, conditioning_2=area), negative)
    assert torch.isfinite(made).all()
    assert not torch.equal(made, sample(studio, model, positive, negative))


@pytest.mark.parametrize(
    ("family", "adapter_type"),
    [(SD1_DEEP, "full_adapter"), (families.SDXL, "full_adapter_xl"), (SD1_DEEP, "light_adapter")],
    ids=["sd1", "sdxl", "light"],
)
def test_an_adapted_chain_gives_diffusers_latent(
    tmp_path: Path, family: TinyFamily, adapter_type: str
) -> None:
    is_large = family is families.SDXL
    widths = [level.channels for level in family.unet.levels]
    # diffusers gives a light one a last level of its own.
    channels = {"full_adapter_xl": [*widths, widths[-1]], "light_adapter": widths[:-1]}
    kind: Any = T2IAdapter
    adapter = kind(
        in_channels=3,
        channels=channels.get(adapter_type, widths),
        num_res_blocks=2,
        downscale_factor=16 if is_large else 8,
        adapter_type=adapter_type,
    )
    adapter.load_state_dict(draw(adapter, "adapter."))
    studio = studio_with(tmp_path, family, net=adapter.state_dict())
    positive, negative = sides_of(studio)
    controlled = control_net_apply_advanced(
        positive=positive, negative=negative, control_net=load(studio), image=Image(PICTURE), strength=0.6
    )

    def call(x: Tensor, timestep: Tensor, arguments: dict[str, Any]) -> dict[str, Any]:
        # The U-Net takes them off the list; for its middle it looks at the batch as well.
        maps = [0.6 * found.expand(len(x), -1, -1, -1) for found in adapter(HINT)]
        return {"down_intrablock_additional_residuals": maps}

    made = sample(studio, studio.load()[0], *controlled)
    setting = Setting(numbers=SIZES if is_large else None, control=call)
    expected, _ = run_chain(family, draw_family(family), setting)
    assert relative_error(made, expected) < TOLERANCE


def with_difference(folder: Path) -> Studio:
    """The network "net", and "diff": what it has more than the checkpoint's."""
    studio = studio_with(folder, families.SD1, net=control_net_of(families.SD1).state_dict())
    base = draw_family(families.SD1).unet
    state = {
        f"control_model.{name}": tensor - base[name] if name in base else tensor
        for name, tensor in plain_state(load(studio)).items()
    }
    save_file(state | {"difference": torch.zeros(1)}, folder / "controlnet" / "diff.safetensors")
    return studio


def test_a_difference_and_the_models_network_make_a_network(tmp_path: Path) -> None:
    studio = with_difference(tmp_path)
    network = diff_control_net_loader(
        model=studio.load()[0], control_net_name="diff.safetensors", ctx=studio.context
    )
    x, text = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 48)
    with (
        torch.inference_mode(),
        studio.pool.lease(network.handle) as module,
        studio.pool.lease(load(studio).handle) as whole,
    ):
        made, expected = (cast("Any", net)(x, HINT, torch.tensor([400]), text) for net in (module, whole))
    # Subtracting and adding again rounds twice.
    assert relative_error(made.middle, expected.middle) < EXACT


def test_a_difference_without_its_model_is_refused(tmp_path: Path) -> None:
    studio = with_difference(tmp_path)
    with pytest.raises(BadInput, match=r"diff\.safetensors holds differences"):
        load(studio, "diff")


def test_other_networks_are_loaded_as_they_are(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1, net=control_net_of(families.SD1).state_dict())
    loaded = diff_control_net_loader(
        model=studio.load()[0], control_net_name="net.safetensors", ctx=studio.context
    )
    assert loaded == load(studio)


def test_a_network_for_another_family_is_refused(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1, net=control_net_of(families.SDXL).state_dict())
    positive, negative = sides_of(studio)
    controlled = control_net_apply(conditioning=positive, control_net=load(studio), image=Image(PICTURE))
    with pytest.raises(BadInput, match=r"net\.safetensors controls networks of another kind than tiny"):
        sample(studio, studio.load()[0], controlled, negative)


def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, families.SD1, net={"emb_params": torch.zeros(2, 768)})
    with pytest.raises(UnsupportedCheckpoint, match=r"net\.safetensors is no ControlNet.*textual inversion"):
        load(studio)
