import pytest

from engine.weights.shapes import count_blocks, is_ignorable, under


@pytest.mark.parametrize(
    "name",
    [
        "alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
        "model_ema.diffusion_modelinput_blocks00weight",
        "cond_stage_model.transformer.text_model.embeddings.position_ids",
        "logit_scale",
        "denoiser.sigmas",
    ],
)
def test_what_no_model_uses_is_ignorable(name: str) -> None:
    assert is_ignorable(name)


@pytest.mark.parametrize("name", ["model.diffusion_model.out.2.weight", "first_stage_model.quant_conv.bias"])
def test_weights_are_not_ignorable(name: str) -> None:
    assert not is_ignorable(name)


def test_names_below_a_prefix_lose_it() -> None:
    shapes = {"a.b.weight": (1,), "a.position_ids": (77,), "ab.weight": (2,)}
    assert under(shapes, "a.") == {"b.weight": (1,)}


def test_blocks_are_counted_by_their_numbers() -> None:
    assert count_blocks(["x.0.a", "x.1.a", "x.1.b", "y.2.a", "x.10"[:3]], "x.") == 2


def test_no_blocks_count_zero() -> None:
    assert count_blocks(["y.0"], "x.") == 0


def test_a_missing_number_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"x\.1"):
        count_blocks(["x.0.a", "x.7.a"], "x.")
