from collections.abc import Iterable

import pytest

from engine.weights.lora_names import Change, Part, find_misfit, find_parts

M = "lora_unet_mid_block_attentions_0_proj_in"


def only(names: Iterable[str]) -> Part:
    (part,), strange = find_parts(names)
    assert strange == []
    return part


def roles(part: Part) -> list[str]:
    return [role for role, _ in part.tensors]


@pytest.mark.parametrize(
    ("up", "down"),
    [
        (".lora_up.weight", ".lora_down.weight"),
        (".lora_B.weight", ".lora_A.weight"),
        (".lora_B.default.weight", ".lora_A.default.weight"),
        (".lora_B", ".lora_A"),
        ("_lora.up.weight", "_lora.down.weight"),
        (".lora.up.weight", ".lora.down.weight"),
        (".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"),
    ],
)
def test_a_lora_is_spelled_in_many_ways(up: str, down: str) -> None:
    part = only([M + down, M + up, f"{M}.alpha"])
    assert part == Part(M, "lora", "weight", (("up", M + up), ("down", M + down), ("alpha", f"{M}.alpha")))


@pytest.mark.parametrize(
    ("endings", "kind"),
    [
        (["lora_up.weight", "lora_down.weight", "lora_mid.weight", "alpha"], "lora"),
        (["lora_up.weight", "lora_down.weight", "dora_scale"], "lora"),
        (["lora_B.weight", "lora_A.weight", "lora_magnitude_vector"], "lora"),
        (["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "alpha"], "loha"),
        (["lokr_w1", "lokr_w2", "alpha"], "lokr"),
        (["lokr_w1", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "dora_scale"], "lokr"),
        (["lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"], "lokr"),
        (["a1.weight", "a2.weight", "b1.weight", "b2.weight", "alpha"], "glora"),
        (["oft_blocks", "rescale", "alpha"], "oft"),
        (["diff"], "difference"),
        (["w_norm"], "difference"),
        (["set_weight"], "replacement"),
    ],
)
def test_the_kind_of_a_change_is_told_by_its_tensors(endings: list[str], kind: str) -> None:
    part = only(f"{M}.{ending}" for ending in reversed(endings))
    assert (part.kind, part.parameter, len(part.tensors)) == (kind, "weight", len(endings))


@pytest.mark.parametrize("ending", ["diff_b", "b_norm", "lora_B.bias"])
def test_biases_have_changes_of_their_own(ending: str) -> None:
    assert only([f"{M}.{ending}"]).at("out.2") == Change(
        "out.2.bias", "difference", only([f"{M}.{ending}"]).tensors
    )


def test_a_weight_and_a_bias_of_one_module_are_two_changes() -> None:
    parts, strange = find_parts([f"{M}.diff", f"{M}.diff_b", f"{M}.w_norm"])
    assert [(part.parameter, roles(part)) for part in parts] == [
        ("weight", ["diff"]),
        ("bias", ["diff_b"]),
        ("weight", ["w_norm"]),
    ]
    assert strange == []


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("unet.mid_block.attentions.0.attn1.processor.to_q_lora", "unet.mid_block.attentions.0.attn1.to_q"),
        (
            "unet.mid_block.attentions.0.attn1.processor.to_out_lora",
            "unet.mid_block.attentions.0.attn1.to_out.0",
        ),
        ("base_model.model.mid_block.resnets.0.conv1.lora", "mid_block.resnets.0.conv1"),
    ],
)
def test_diffusers_former_names_are_understood(name: str, module: str) -> None:
    assert only([f"{name}.up.weight", f"{name}.down.weight"]).name == module


def test_what_belongs_to_no_change_is_strange() -> None:
    names = ["emb_params", f"{M}.lora_up.weight", f"{M}.alpha", "x.hada_w1_a", "x.alpha"]
    parts, strange = find_parts(names)
    assert (parts, sorted(strange)) == ([], sorted(names))


@pytest.mark.parametrize("down", [(4, 8), (4, 8, 1, 1)])
def test_a_lora_fits_the_tensor_that_it_has_the_size_of(down: tuple[int, ...]) -> None:
    change = only(["m.lora_up.weight", "m.lora_down.weight"]).at("m")
    shapes = {"m.lora_up.weight": (6, 4), "m.lora_down.weight": down}
    assert find_misfit(change, shapes, (6, 8)) is None
    assert find_misfit(change, shapes, (6, 8, 1, 1)) is None
    assert (
        find_misfit(change, shapes, (6, 9))
        == f"[6, {', '.join(map(str, down[1:]))}] where 'm.weight' is [6, 9]"
    )


def test_a_core_brings_the_kernels_size() -> None:
    names = ["m.lora_up.weight", "m.lora_down.weight", "m.lora_mid.weight"]
    shapes = dict(zip(names, [(6, 4, 1, 1), (4, 8, 1, 1), (4, 4, 3, 3)], strict=True))
    assert find_misfit(only(names).at("m"), shapes, (6, 8, 3, 3)) is None
    assert find_misfit(only(names).at("m"), shapes, (6, 8)) is not None
