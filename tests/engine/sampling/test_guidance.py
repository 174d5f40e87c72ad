import pytest
import torch
from torch import Tensor

from engine.sampling.denoiser import Condition
from engine.sampling.guidance import Guided, guide, join, join_texts

X = torch.zeros(2, 1, 1, 1)


def mean_of_text(x: Tensor, sigma: float, text: Condition) -> Tensor:
    """A stand-in for a network: says what it was told."""
    return text.text.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)


def says(value: float, length: int = 77) -> Condition:
    return Condition(torch.full((1, length, 3), value))


@pytest.mark.parametrize(("cfg", "expected"), [(7.0, 2.0 + 7.0 * (5.0 - 2.0)), (0.0, 2.0), (0.5, 3.5)])
def test_the_scale_moves_from_the_negative_past_the_positive(cfg: float, expected: float) -> None:
    denoiser = guide(mean_of_text, [says(5.0)], [says(2.0)], cfg)
    assert denoiser(X, 1.0).flatten().tolist() == pytest.approx([expected] * 2)


def test_a_scale_of_one_never_evaluates_the_negative() -> None:
    batches: list[int] = []

    def predict(x: Tensor, sigma: float, text: Condition) -> Tensor:
        batches.append(len(x))
        return mean_of_text(x, sigma, text)

    assert guide(predict, [says(5.0)], [says(2.0)], 1.0)(X, 1.0).flatten().tolist() == [5.0, 5.0]
    assert batches == [2]


def test_both_sides_go_through_the_network_in_one_call() -> None:
    batches: list[int] = []

    def predict(x: Tensor, sigma: float, text: Condition) -> Tensor:
        batches.append(len(x))
        return mean_of_text(x, sigma, text)

    guide(predict, [says(5.0, 77)], [says(2.0, 154)], 7.0)(X, 1.0)
    assert batches == [4]


def test_texts_that_would_repeat_too_often_go_one_by_one() -> None:
    denoiser = guide(mean_of_text, [says(5.0, 7)], [says(2.0, 11)], 2.0)
    assert denoiser(X, 1.0).flatten().tolist() == pytest.approx([8.0, 8.0])


def test_several_texts_of_a_side_count_equally() -> None:
    denoiser = guide(mean_of_text, [says(5.0), says(7.0)], [says(0.0)], 1.0)
    assert denoiser(X, 1.0).flatten().tolist() == pytest.approx([6.0, 6.0])


def test_each_sample_has_its_own_text_where_there_are_as_many() -> None:
    text = Condition(torch.cat([says(1.0).text, says(2.0).text]))
    assert guide(mean_of_text, [text], [says(0.0)], 1.0)(X, 1.0).flatten().tolist() == [1.0, 2.0]


def test_the_negative_is_told_beside_the_guided_estimate() -> None:
    guided, unconditional = guide(mean_of_text, [says(5.0)], [says(2.0)], 3.0).with_unconditional(X, 1.0)
    assert guided.flatten().tolist() == pytest.approx([11.0, 11.0])
    assert unconditional.flatten().tolist() == [2.0, 2.0]


def test_three_sides_are_weighted() -> None:
    denoiser = Guided(mean_of_text, ([says(5.0)], [says(4.0)], [says(2.0)]), (3.0, -1.0, -1.0))
    assert denoiser(X, 1.0).flatten().tolist() == pytest.approx([9.0, 9.0])


def test_texts_are_joined_at_their_lowest_common_length() -> None:
    joined = join_texts([says(1.0, 2).text, says(2.0, 3).text])
    assert joined is not None
    assert joined.shape == (2, 6, 3)


def test_attention_to_a_repeated_text_is_attention_to_the_text() -> None:
    query, text = torch.randn(1, 5, 8), torch.randn(1, 4, 8)
    attend = torch.nn.functional.scaled_dot_product_attention
    twice = text.repeat(1, 2, 1)
    torch.testing.assert_close(attend(query, twice, twice), attend(query, text, text))


def test_what_stands_beside_the_texts_is_joined_too() -> None:
    one, two = (
        Condition(says(value).text, torch.full((1, 5), value), torch.full((1, 2, 4, 4), value))
        for value in (1.0, 2.0)
    )
    joined = join([one, two])
    assert joined is not None
    assert joined.vector is not None
    assert joined.channels is not None
    assert (joined.vector[:, 0].tolist(), joined.channels[:, 0, 0, 0].tolist()) == ([1.0, 2.0], [1.0, 2.0])


def test_a_condition_with_channels_and_one_without_go_one_by_one() -> None:
    assert join([says(1.0), Condition(says(1.0).text, channels=torch.zeros(1, 1, 4, 4))]) is None
