"""IP-Adapters against diffusers: whole chains, and what the nodes' settings do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import BadInput, UnsupportedCheckpoint
from engine.graph.adaptations import PicturePrompt
from engine.graph.kinds import ClipVision, Embeds, Image, IpAdapter, Latent, Mask, Model
from engine.models.clip_vision import prepare
from engine.models.ip_adapter import IpAdapterConfig, Projection, Spot, spots_of
from engine.nodes.clip_vision import clip_vision_loader
from engine.nodes.ip_adapter import (
    combine,
    ip_adapter_advanced,
    ip_adapter_combine_embeds,
    ip_adapter_embeds,
    ip_adapter_encoder,
    ip_adapter_model_loader,
)
from engine.nodes.picture_weights import weights_at
from engine.nodes.sampling import ksampler
from tests.engine.nodes.studio import Studio
from tests.engine.oracles import families
from tests.engine.oracles.diffusers_sd import below, relative_error
from tests.engine.oracles.families import Setting, TinyFamily, draw, draw_family, run_chain, write_family
from tests.engine.oracles.vision import SIDE_PX, build_vision, vision_tensors

# A chain's errors grow over four steps.
TOLERANCE = 1e-4
CAT, DOG = (torch.rand(1, 60, 60, 3, generator=torch.Generator().manual_seed(seed)) for seed in (6, 7))
EMPTY = Latent(torch.zeros(1, 4, 8, 8))
SIZES = ((64.0, 64.0, 0.0, 0.0, 64.0, 64.0),) * 2
NAME = "tiny.safetensors"


def config_for(family: TinyFamily, projection: Projection) -> IpAdapterConfig:
    """An adapter of that U-Net for the tiny vision encoder."""
    pairs = tuple((2 * place + 1, spot.channels) for place, spot in enumerate(spots_of(family.unet)))
    text = family.unet.context_width
    match projection:
        case "vector":
            return IpAdapterConfig("vector", 24, text, 4, pairs)
        case "resampler":
            return IpAdapterConfig("resampler", 32, text, 5, pairs, inner_width=128, layers=4)
        case "each":
            return IpAdapterConfig("each", 32, text, 0, pairs)


@dataclass
class Scene:
    """A studio with a family, its adapter and a vision encoder; and the adapter's tensors."""

    studio: Studio
    family: TinyFamily
    tensors: dict[str, Tensor]

    def adapter(self) -> IpAdapter:
        return ip_adapter_model_loader(ipadapter_file=NAME, ctx=self.studio.context)

    def vision(self) -> ClipVision:
        return clip_vision_loader(clip_name=NAME, ctx=self.studio.context)

    def prompt(self, model: Model, image: Tensor = CAT, **changes: Any) -> Model:
        settings: dict[str, Any] = {
            "weight_type": "linear",
            "combine_embeds": "concat",
            "embeds_scaling": "V only",
            "clip_vision": self.vision(),
        }
        return ip_adapter_advanced(
            model=model,
            ipadapter=self.adapter(),
            image=Image(image),
            ctx=self.studio.context,
            **(settings | changes),
        )

    def sample(self, model: Model, latent: Latent = EMPTY) -> Tensor:
        made = ksampler(
            model=model,
            seed=Setting.seed,
            steps=Setting.steps,
            cfg=Setting.cfg,
            sampler_name="euler",
            scheduler="normal",
            positive=self.studio.encode(Setting.positive),
            negative=self.studio.encode(Setting.negative),
            latent_image=latent,
            ctx=self.studio.context,
        )
        return made.samples

    def plain(self) -> Model:
        return self.studio.load()[0]


MakeScene = Callable[[TinyFamily, Projection], Scene]


@pytest.fixture
def make_scene(tmp_path: Path) -> MakeScene:
    def make(family: TinyFamily, projection: Projection) -> Scene:
        for kind in ("checkpoints", "clip_vision", "ipadapter"):
            (tmp_path / kind).mkdir()
        write_family(tmp_path / "checkpoints" / NAME, family)
        save_file(vision_tensors(build_vision()), tmp_path / "clip_vision" / NAME)
        with torch.device("meta"):
            module = config_for(family, projection).build()
        tensors = draw(module, "ip.")
        save_file(tensors, tmp_path / "ipadapter" / NAME)
        return Scene(Studio(tmp_path), family, tensors)

    return make


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    return make_scene(families.SD1, "vector")


def see(image: Tensor, *, takes_patches: bool) -> Tensor:
    """transformers' vectors of pictures."""
    reference: Any = build_vision()
    with torch.inference_mode():
        seen = reference(prepare(image, SIDE_PX, is_cropped=True), output_hidden_states=True)
    return seen.hidden_states[-2] if takes_patches else seen.image_embeds


@dataclass
class Reference:
    """Pictures for diffusers: of each (negative, positive) and its scale; all through one adapter."""

    tensors: dict[str, Tensor]
    pictures: list[tuple[Tensor, Tensor]]
    scales: list[float]

    def prepare(self, unet: Any) -> None:
        parts = {name: below(self.tensors, f"{name}.") for name in ("image_proj", "ip_adapter")}
        unet._load_ip_adapter_weights([parts] * len(self.scales), low_cpu_mem_usage=False)
        for processor in unet.attn_processors.values():
            if hasattr(processor, "scale"):
                processor.scale = self.scales

    def call(self, x: Tensor, timestep: Tensor, arguments: dict[str, Any]) -> dict[str, Any]:
        told = arguments.setdefault("added_cond_kwargs", {})
        told["image_embeds"] = [torch.cat(pair)[:, None] for pair in self.pictures]
        return {}

    def run(self, family: TinyFamily) -> Tensor:
        numbers = SIZES if family.unet.vector_width else None
        setting = Setting(numbers=numbers, control=self.call, prepare=self.prepare)
        return run_chain(family, draw_family(family), setting)[0]


@pytest.mark.parametrize("projection", ["vector", "resampler", "each"])
@pytest.mark.parametrize("family", [families.SD1, families.SDXL], ids=lambda family: family.name)
def test_a_prompted_chain_gives_diffusers_latent(
    make_scene: MakeScene, family: TinyFamily, projection: Projection
) -> None:
    scene = make_scene(family, projection)
    takes_patches = projection != "vector"
    positive = see(CAT, takes_patches=takes_patches)
    nothing = see(torch.zeros_like(CAT), takes_patches=True) if takes_patches else torch.zeros_like(positive)
    made = scene.sample(scene.prompt(scene.plain(), weight=0.7))
    expected = Reference(scene.tensors, [(nothing, positive)], [0.7]).run(family)
    assert relative_error(made, expected) < TOLERANCE
    assert relative_error(made, scene.sample(scene.plain())) > 1e-2


def test_several_pictures_add_up(scene: Scene) -> None:
    seen = [see(image, takes_patches=False) for image in (CAT, DOG)]
    once = scene.prompt(scene.plain(), weight=0.7)
    made = scene.sample(scene.prompt(once, DOG, weight=-0.4))
    expected = Reference(scene.tensors, [(torch.zeros_like(each), each) for each in seen], [0.7, -0.4])
    assert relative_error(made, expected.run(families.SD1)) < TOLERANCE


def test_the_negative_side_may_be_shown_a_picture_of_its_own(scene: Scene) -> None:
    positive, negative = (see(image, takes_patches=False) for image in (CAT, DOG))
    made = scene.sample(scene.prompt(scene.plain(), image_negative=Image(DOG)))
    expected = Reference(scene.tensors, [(negative, positive)], [1.0]).run(families.SD1)
    assert relative_error(made, expected) < TOLERANCE


def test_a_picture_counts_for_a_while_only(scene: Scene) -> None:
    plain, whole = scene.sample(scene.plain()), scene.sample(scene.prompt(scene.plain()))
    after_the_end = scene.prompt(scene.plain(), start_at=1.0, end_at=1.0)
    assert torch.equal(scene.sample(after_the_end), plain)
    late = scene.sample(scene.prompt(scene.plain(), start_at=0.5))
    assert relative_error(late, plain) > 1e-3
    assert relative_error(late, whole) > 1e-3


def test_a_picture_counts_where_its_mask_says(scene: Scene) -> None:
    plain, whole = scene.plain(), scene.prompt(scene.plain())
    everywhere = scene.prompt(plain, attn_mask=Mask(torch.ones(1, 33, 20)))
    nowhere = scene.prompt(plain, attn_mask=Mask(torch.zeros(1, 33, 20)))
    left = torch.ones(1, 64, 64)
    left[..., 32:] = 0
    odd = Latent(torch.zeros(1, 4, 7, 9))
    assert relative_error(scene.sample(everywhere), scene.sample(whole)) < TOLERANCE
    assert relative_error(scene.sample(nowhere), scene.sample(plain)) < TOLERANCE
    assert relative_error(scene.sample(everywhere, odd), scene.sample(whole, odd)) < TOLERANCE
    half = scene.sample(scene.prompt(plain, attn_mask=Mask(left)))
    assert relative_error(half, scene.sample(whole)) > 1e-3
    assert relative_error(half, scene.sample(plain)) > 1e-3


def test_each_sample_of_a_batch_is_prompted(scene: Scene) -> None:
    model = scene.prompt(scene.plain())
    both = Latent(torch.zeros(2, 4, 8, 8))
    # The first of two samples has the noise of a single one; kernels round batches differently.
    assert relative_error(scene.sample(model, both)[:1], scene.sample(model)) < TOLERANCE


def pairs_of(model: Model) -> list[tuple[Tensor, Tensor]]:
    (prompt,) = [each for each in model.adaptations if isinstance(each, PicturePrompt)]
    return cast("list[tuple[Tensor, Tensor]]", list(prompt.pairs))


@pytest.mark.parametrize(
    ("scaling", "of_keys", "of_values"),
    [("V only", 1.0, 0.5), ("K+V", 0.5, 0.5), ("K+V w/ C penalty", 0.5 * 32 / 1280, 0.5 * 32 / 1280)],
)
def test_the_weight_is_applied_to(scene: Scene, scaling: str, of_keys: float, of_values: float) -> None:
    (k, v), *_ = pairs_of(scene.prompt(scene.plain(), weight=0.5, embeds_scaling=scaling))
    (plain_k, plain_v), *_ = pairs_of(scene.prompt(scene.plain(), embeds_scaling="V only"))
    torch.testing.assert_close((k, v), (plain_k * of_keys, plain_v * of_values))


def test_only_the_mean_of_values_may_be_weighed(scene: Scene) -> None:
    (_, v), *_ = pairs_of(scene.prompt(scene.plain(), weight=0.5, embeds_scaling="K+mean(V) w/ C penalty"))
    (_, plain), *_ = pairs_of(scene.prompt(scene.plain()))
    torch.testing.assert_close(v.mean(dim=1), plain.mean(dim=1) * 0.5 * 32 / 1280)
    torch.testing.assert_close(v - v.mean(dim=1, keepdim=True), plain - plain.mean(dim=1, keepdim=True))


def test_several_images_side_by_side_are_as_many_tokens_more(scene: Scene) -> None:
    (k, _), *_ = pairs_of(scene.prompt(scene.plain(), torch.cat([CAT, DOG])))
    (cat, _), *_ = pairs_of(scene.prompt(scene.plain(), CAT))
    (dog, _), *_ = pairs_of(scene.prompt(scene.plain(), DOG))
    torch.testing.assert_close(k, torch.cat([cat, dog], dim=1))


SEEN = torch.tensor([[3.0, 4.0], [1.0, 0.0], [3.0, 2.0]])


@pytest.mark.parametrize(
    ("combination", "expected"),
    [
        ("concat", SEEN.tolist()),
        ("add", [[7.0, 6.0]]),
        ("subtract", [[1.0, 3.0]]),
        ("average", [[7 / 3, 2.0]]),
        ("norm average", [[7 / 3 / 19**0.5, 2 / 20**0.5]]),
        ("max", [[3.0, 4.0]]),
        ("min", [[1.0, 0.0]]),
    ],
)
def test_several_images_become(combination: Any, expected: list[list[float]]) -> None:
    torch.testing.assert_close(combine(SEEN, combination), torch.tensor(expected))


def test_a_single_image_stays_what_it_is() -> None:
    assert torch.equal(combine(SEEN[:1], "norm average"), SEEN[:1])


SPOTS = [Spot("input", 0, 8), Spot("input", 1, 8), Spot("output", 3, 8), Spot("middle", 2, 8)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("linear", [2.0] * 4),
        ("ease in", [2.0, 1.525, 0.575, 1.05]),
        ("ease out", [0.1, 0.575, 1.525, 1.05]),
        ("ease in-out", [0.1, 1.05, 1.05, 2.0]),
        ("reverse in-out", [2.0, 1.05, 1.05, 0.1]),
        ("weak input", [0.4, 0.4, 2.0, 2.0]),
        ("weak output", [2.0, 2.0, 0.4, 2.0]),
        ("weak middle", [2.0, 2.0, 2.0, 0.4]),
        ("strong middle", [0.4, 0.4, 0.4, 2.0]),
        ("style transfer", [2.0, 2.0, 2.0, 2.0]),
        ("composition", [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_the_weight_is_spread_over_the_network(kind: Any, expected: list[float]) -> None:
    assert weights_at(SPOTS, 2.0, kind, is_large=False) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "half", "count"), [("style transfer", "output", 10), ("composition", "input", 10)]
)
def test_of_sdxl_one_transformer_each_is_for_style_and_composition(kind: Any, half: str, count: int) -> None:
    unet = replace(
        families.SDXL.unet,
        levels=tuple(
            replace(level, residual_blocks=2, depth=depth)
            for level, depth in zip(families.SDXL.unet.levels, (0, 2, 10), strict=True)
        ),
        middle_depth=10,
    )
    spots = spots_of(unet)
    found = [
        spot
        for spot, weight in zip(spots, weights_at(spots, 1.0, kind, is_large=True), strict=True)
        if weight
    ]
    # As in the release: down_blocks.2.attentions.1 and up_blocks.0.attentions.1 of 70 cross-attentions.
    assert len(spots) == 70
    assert [(spot.half, spot.channels) for spot in found] == [(half, 128)] * count


def test_without_a_vision_encoder_the_message_says_so(scene: Scene) -> None:
    with pytest.raises(BadInput, match="clip_vision is not connected"):
        scene.prompt(scene.plain(), clip_vision=None)


def test_an_adapter_for_another_family_is_refused(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene(families.SD1, "vector")
    with torch.device("meta"):
        module = config_for(families.SDXL, "vector").build()
    save_file(draw(module, "ip."), tmp_path / "ipadapter" / NAME)
    with pytest.raises(BadInput, match=r"tiny\.safetensors was made for networks of another kind"):
        scene.prompt(scene.plain())


def test_another_vision_encoder_is_refused(scene: Scene, tmp_path: Path) -> None:
    save_file(vision_tensors(build_vision(projected=20)), tmp_path / "clip_vision" / NAME)
    with pytest.raises(BadInput, match=r"takes vectors of 24 numbers, tiny\.safetensors gives 20"):
        scene.prompt(scene.plain())


def test_a_file_of_another_kind_is_refused_by_name(scene: Scene, tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(2, 768)}, tmp_path / "ipadapter" / "other.safetensors")
    with pytest.raises(
        UnsupportedCheckpoint, match=r"other\.safetensors is no IP-Adapter.*textual inversion"
    ):
        ip_adapter_model_loader(ipadapter_file="other.safetensors", ctx=scene.studio.context)


def encode(scene: Scene, image: Tensor = CAT, **settings: Any) -> tuple[Embeds, Embeds]:
    settings = {"clip_vision": scene.vision()} | settings
    return ip_adapter_encoder(
        ipadapter=scene.adapter(), image=Image(image), ctx=scene.studio.context, **settings
    )


def prompt_by(scene: Scene, positive: Embeds, **settings: Any) -> Model:
    return ip_adapter_embeds(
        model=scene.plain(),
        ipadapter=scene.adapter(),
        pos_embed=positive,
        weight_type="linear",
        embeds_scaling="V only",
        ctx=scene.studio.context,
        **settings,
    )


@pytest.mark.parametrize("projection", ["vector", "resampler"])
def test_encoded_pictures_prompt_as_the_pictures_do(make_scene: MakeScene, projection: Projection) -> None:
    scene = make_scene(families.SD1, projection)
    positive, negative = encode(scene)
    found = scene.sample(prompt_by(scene, positive, neg_embed=negative, weight=0.7))
    assert torch.equal(found, scene.sample(scene.prompt(scene.plain(), weight=0.7)))
    left_to_the_node = prompt_by(scene, positive, clip_vision=scene.vision(), weight=0.7)
    assert torch.equal(found, scene.sample(left_to_the_node))


def test_an_encoded_picture_is_weighed_and_may_be_masked(scene: Scene) -> None:
    (plain, _), (half, nothing) = encode(scene), encode(scene, weight=0.5)
    torch.testing.assert_close(half.values, plain.values * 0.5)
    assert not nothing.values.any()
    whole, _ = encode(scene, mask=Mask(torch.ones(1, 30, 40)))
    torch.testing.assert_close(whole.values, plain.values)
    left = torch.ones(1, SIDE_PX, SIDE_PX)
    left[..., 28:] = 0
    masked, _ = encode(scene, mask=Mask(left))
    reference: Any = build_vision()
    shown = prepare(CAT, SIDE_PX, is_cropped=True)
    shown[..., 28:] = 0
    with torch.inference_mode():
        expected = reference(shown).image_embeds
    assert relative_error(masked.values, expected) < 1e-5
    assert relative_error(masked.values, plain.values) > 1e-2


def test_encoded_pictures_are_combined(scene: Scene) -> None:
    (cat, _), (dog, _) = encode(scene), encode(scene, DOG)
    average = ip_adapter_combine_embeds(embed1=cat, method="average", embed3=dog)
    torch.testing.assert_close(average.values, (cat.values + dog.values) / 2)
    both = ip_adapter_combine_embeds(embed1=cat, method="concat", embed2=dog)
    expected = scene.prompt(scene.plain(), torch.cat([CAT, DOG]))
    assert torch.equal(scene.sample(prompt_by(scene, both)), scene.sample(expected))


def test_embeds_of_different_adapters_are_not_combined() -> None:
    one, other = Embeds(torch.zeros(1, 24)), Embeds(torch.zeros(1, 17, 32))
    with pytest.raises(BadInput, match=r"shapes \[24\], \[17, 32\] cannot be combined"):
        ip_adapter_combine_embeds(embed1=one, method="concat", embed2=other)


@pytest.mark.parametrize("shape", [(1, 17, 24), (1, 20)])
def test_embeds_of_another_adapter_are_refused(scene: Scene, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match=r"pos_embed has shape \[1, .*which tiny\.safetensors does not take"):
        prompt_by(scene, Embeds(torch.zeros(shape)))


@pytest.mark.parametrize(
    ("spec", "inputs", "outputs"),
    [
        (ip_adapter_model_loader, "ipadapter_file", "IPADAPTER"),
        (
            ip_adapter_advanced,
            "model ipadapter image weight=1.0 weight_type combine_embeds start_at=0.0 end_at=1.0"
            " embeds_scaling image_negative? attn_mask? clip_vision?",
            "MODEL",
        ),
        (ip_adapter_encoder, "ipadapter image weight=1.0 mask? clip_vision?", "pos_embed neg_embed"),
        (ip_adapter_combine_embeds, "embed1 method embed2? embed3? embed4? embed5?", "EMBEDS"),
        (
            ip_adapter_embeds,
            "model ipadapter pos_embed weight=1.0 weight_type start_at=0.0 end_at=1.0 embeds_scaling"
            " neg_embed? attn_mask? clip_vision?",
            "MODEL",
        ),
    ],
    ids=["loader", "advanced", "encoder", "combine", "embeds"],
)
def test_a_node_has_the_inputs_of_ipadapter_plus(spec: Any, inputs: str, outputs: str) -> None:
    found = [
        each.name + ("" if each.required else "?") + ("" if each.default is None else f"={each.default}")
        for each in spec.schema.inputs
    ]
    assert found == inputs.split()
    assert [each.name for each in spec.schema.outputs] == outputs.split()
