import torch
from diffusers.models.embeddings import Timesteps

from engine.graph.kinds import PictureSize
from engine.models.size_vector import numbers_of, size_vector

SIZE = PictureSize(640, 480, crop_left=32, crop_top=16, target_width=768, target_height=512, score=7.0)


def test_the_base_network_is_told_sizes_height_first() -> None:
    assert numbers_of("sizes", SIZE, is_negative=False) == (480, 640, 16, 32, 512, 768)


def test_the_target_is_the_original_size_where_nothing_else_is_said() -> None:
    assert numbers_of("sizes", PictureSize(640, 480), is_negative=False) == (480, 640, 0, 0, 480, 640)


def test_the_refiner_is_told_a_score_after_size_and_crop() -> None:
    assert numbers_of("score", SIZE, is_negative=True) == (480, 640, 16, 32, 7.0)


def test_the_negative_prompt_is_about_poor_pictures() -> None:
    size = PictureSize(64, 64)
    scores = [numbers_of("score", size, is_negative=is_negative)[-1] for is_negative in (False, True)]
    assert scores == [6.0, 2.5]


def test_numbers_are_embedded_as_diffusers_embeds_them() -> None:
    numbers, pooled = (480.0, 640.0, 16.0), torch.randn(2, 5)
    embed = Timesteps(256, flip_sin_to_cos=True, downscale_freq_shift=0)
    vector = size_vector(pooled, numbers)
    torch.testing.assert_close(vector[0], torch.cat([pooled[0], embed(torch.tensor(numbers)).flatten()]))
    assert vector.shape == (2, 5 + 3 * 256)
