import numpy
import torch
from PIL import Image as Pillow

from engine.graph.kinds import Image
from engine.nodes.image_color import image_rgb_to_yuv, image_yuv_to_rgb

PICTURE = torch.randint(0, 256, (1, 16, 16, 3), generator=torch.Generator().manual_seed(1)) / 255


def test_planes_are_those_of_pillows_ycbcr() -> None:
    picture = Pillow.fromarray((PICTURE[0] * 255).round().byte().numpy()).convert("YCbCr")
    expected = torch.from_numpy(numpy.asarray(picture).astype(numpy.float32) / 255)
    planes = image_rgb_to_yuv(image=Image(PICTURE))
    for plane, wanted in zip(planes, expected.unbind(-1), strict=True):
        assert plane.pixels.shape == PICTURE.shape
        # Bytes are rounded, and 0.5 is 127.5 here and 128 in JPEG.
        torch.testing.assert_close(
            plane.pixels[0], wanted[..., None].expand(-1, -1, 3), rtol=0, atol=1.1 / 255
        )


def test_there_and_back_it_is_the_same_picture() -> None:
    y, u, v = image_rgb_to_yuv(image=Image(PICTURE))
    # The factors have three digits.
    torch.testing.assert_close(image_yuv_to_rgb(Y=y, U=u, V=v).pixels, PICTURE, rtol=0, atol=2e-3)


def test_of_coloured_planes_the_mean_counts() -> None:
    y, u, v = image_rgb_to_yuv(image=Image(PICTURE))
    tinted = Image(y.pixels + torch.tensor([0.1, -0.1, 0.0]))
    torch.testing.assert_close(
        image_yuv_to_rgb(Y=tinted, U=u, V=v).pixels, image_yuv_to_rgb(Y=y, U=u, V=v).pixels
    )


def test_what_no_colour_has_is_cut_off() -> None:
    ones = Image(torch.ones(1, 2, 2, 3))
    assert image_yuv_to_rgb(Y=ones, U=ones, V=ones).pixels[0, 0, 0, 0] == 1
