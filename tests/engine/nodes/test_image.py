import io
import json
import struct
import zlib
from typing import Any

import numpy
import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor

from engine.errors import BadInput, Cancelled, InputUnreadable
from engine.graph.context import Context
from engine.graph.kinds import Image, Mask
from engine.nodes import pictures
from engine.nodes.image import image_scale, load_image, preview_image, save_image
from tests.engine.nodes.calls import context_of

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encode(picture: Pillow.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def load(content: bytes) -> tuple[Tensor, Tensor]:
    image, mask = load_image(image="p", ctx=context_of({"p": content}))
    return image.pixels, mask.values


def two_pixels(mode: str = "RGB") -> Pillow.Image:
    """Red on the left, blue on the right."""
    picture = Pillow.new("RGB", (2, 1), RED)
    picture.putpixel((1, 0), BLUE)
    return picture.convert(mode)


def header_only_png(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels worth the name."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_a_picture_becomes_numbers_between_0_and_1() -> None:
    pixels, _ = load(encode(two_pixels()))
    assert pixels.dtype == torch.float32
    assert pixels.tolist() == [[[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]]


def test_every_byte_becomes_its_255th() -> None:
    ramp = numpy.arange(256, dtype=numpy.uint8).reshape(16, 16)
    pixels, _ = load(encode(Pillow.fromarray(ramp)))
    assert torch.equal(pixels[0, ..., 0].flatten(), torch.arange(256, dtype=torch.float32) / 255)


def test_without_alpha_the_mask_is_small_and_empty() -> None:
    assert torch.equal(load(encode(two_pixels()))[1], torch.zeros(1, 64, 64))


def test_the_mask_is_one_minus_alpha() -> None:
    picture = two_pixels("RGBA")
    picture.putpixel((1, 0), (0, 0, 255, 51))
    pixels, mask = load(encode(picture))
    assert pixels.shape == (1, 1, 2, 3)
    assert mask.tolist() == [[[0.0, pytest.approx(0.8)]]]


def test_a_palette_with_transparency_has_a_mask() -> None:
    picture = two_pixels("P")
    content = encode(picture, transparency=picture.getpixel((0, 0)))
    assert load(content)[1].tolist() == [[[1.0, 0.0]]]


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA"])
def test_other_modes_become_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert load(encode(two_pixels(mode), kind))[0].shape == (1, 1, 2, 3)


def test_sixteen_bits_of_grey_keep_their_range() -> None:
    grey = numpy.array([[0, 32768, 65535]], dtype=numpy.uint16)
    pixels, _ = load(encode(Pillow.fromarray(grey)))
    assert pixels[0, 0, :, 1].tolist() == pytest.approx([0.0, 32768 / 65535, 1.0])


def test_a_picture_is_turned_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned clockwise by a quarter
    pixels, _ = load(encode(two_pixels(), exif=exif))
    assert pixels[0, :, 0].tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_frames_of_an_animation_are_a_batch(kind: str) -> None:
    frames = [Pillow.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert load(content)[0][:, 0, 0].tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        encode(two_pixels(), "GIF"),
        encode(two_pixels(), "TIFF"),
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(InputUnreadable, match=r"'p' (is no PNG, JPEG or WebP|cannot be decoded)"):
        load(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_picture_is_refused(kind: str) -> None:
    noise = numpy.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=numpy.uint8)
    content = encode(Pillow.fromarray(noise), kind)
    with pytest.raises(InputUnreadable, match="'p'"):
        load(content[: len(content) // 2])


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (13_000, 13_000), (60_000, 60_000), (2**30, 2)])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(InputUnreadable, match=r"64000000|cannot be decoded"):
        load(header_only_png(width, height))


def test_as_many_pixels_as_the_limit_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PICTURE_PIXELS", 2)
    assert load(encode(two_pixels()))[0].shape == (1, 1, 2, 3)


def test_the_frames_of_an_animation_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PICTURE_PIXELS", 31)
    frames = [Pillow.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    with pytest.raises(InputUnreadable, match="4 × 4 × 2 frames"):
        load(encode(frames[0], "WEBP", save_all=True, append_images=frames[1:]))


def test_a_file_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_INPUT_BYTES", 10)
    with pytest.raises(InputUnreadable, match="at most 10"):
        load(encode(two_pixels()))


def saved(pixels: Tensor, prefix: str = "p", **metadata: object) -> Context:
    context = context_of(**metadata)  # type: ignore[arg-type]
    save_image(images=Image(pixels), filename_prefix=prefix, ctx=context)
    return context


def open_saved(context: Context) -> Pillow.Image:
    return Pillow.open(io.BytesIO(context.files[0].content))


def test_bytes_are_cut_off_and_not_rounded() -> None:
    pixels = torch.tensor([0.0, 0.999 / 255, 1.999 / 255, 1.0, 1.7, -0.3, torch.nan]).view(1, 1, 7, 1)
    picture = open_saved(saved(pixels.expand(-1, -1, -1, 3)))
    assert numpy.asarray(picture)[0, :, 0].tolist() == [0, 0, 1, 255, 255, 0, 0]


def test_what_was_loaded_is_saved_as_it_was() -> None:
    noise = numpy.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=numpy.uint8)
    pixels, _ = load(encode(Pillow.fromarray(noise)))
    assert numpy.array_equal(numpy.asarray(open_saved(saved(pixels))), noise)


def test_prompt_and_workflow_travel_in_text_chunks() -> None:
    prompt, workflow = {"1": {"class_type": "Ä"}}, {"nodes": [], "name": "日本"}
    picture = open_saved(saved(torch.zeros(1, 2, 2, 3), prompt=prompt, workflow=workflow))
    texts = picture.text  # type: ignore[attr-defined]
    assert json.loads(texts["prompt"]) == prompt
    assert json.loads(texts["workflow"]) == workflow
    assert texts["workflow"].isascii()


def test_the_chunks_are_plain_text_chunks() -> None:
    content = saved(torch.zeros(1, 2, 2, 3), prompt={"a": 1}).files[0].content
    assert b'tEXtprompt\0{"a": 1}' in content


def test_without_a_workflow_there_is_no_chunk_for_it() -> None:
    assert open_saved(saved(torch.zeros(1, 2, 2, 3), prompt={})).text == {"prompt": "{}"}  # type: ignore[attr-defined]


def test_each_picture_of_a_batch_is_a_file() -> None:
    files = saved(torch.zeros(3, 4, 6, 3), "p%batch_num%_%width%x%height%").files
    assert [file.prefix for file in files] == ["p0_6x4", "p1_6x4", "p2_6x4"]
    assert {(file.purpose, file.kind, file.suffix, file.width, file.height) for file in files} == {
        ("output", "image", ".png", 6, 4)
    }


def test_alpha_is_saved() -> None:
    assert open_saved(saved(torch.ones(1, 2, 2, 4))).mode == "RGBA"


def test_a_preview_is_no_output() -> None:
    context = context_of(prompt={})
    preview_image(images=Image(torch.zeros(1, 2, 2, 3)), ctx=context)
    assert [(file.purpose, file.prefix) for file in context.files] == [("temp", "ComfyUI_temp")]


def test_saving_stops_when_the_run_is_cancelled() -> None:
    context = context_of()
    services = context.services
    cancelled = Context("1", type(services)(**{**services.__dict__, "is_cancelled": lambda: True}))
    with pytest.raises(Cancelled):
        save_image(images=Image(torch.zeros(1, 2, 2, 3)), filename_prefix="p", ctx=cancelled)


def scale(
    pixels: Tensor, width: int, height: int, method: str = "bilinear", crop: str = "disabled"
) -> Tensor:
    scaled = image_scale(image=Image(pixels), upscale_method=method, width=width, height=height, crop=crop)
    return scaled.pixels


RAMP = torch.linspace(0, 1, 12).view(1, 2, 6, 1).expand(-1, -1, -1, 3).contiguous()


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
def test_every_method_gives_the_size_asked_for(method: str) -> None:
    scaled = scale(RAMP, 10, 7, method)
    assert scaled.shape == (1, 7, 10, 3)
    assert scaled.dtype == torch.float32


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
def test_a_flat_colour_stays_itself(method: str) -> None:
    flat = torch.full((2, 5, 5, 3), 51 / 255)
    assert torch.allclose(scale(flat, 8, 3, method), torch.full((2, 3, 8, 3), 51 / 255), atol=1e-6)


def test_area_takes_the_mean() -> None:
    assert torch.allclose(
        scale(RAMP, 3, 1, "area")[0, 0, :, 0], RAMP[0, ..., 0].view(2, 3, 2).mean(dim=(0, 2))
    )


def test_a_width_of_0_keeps_the_aspect() -> None:
    assert scale(RAMP, 0, 4).shape == (1, 4, 12, 3)


def test_a_height_of_0_keeps_the_aspect() -> None:
    assert scale(RAMP, 3, 0).shape == (1, 1, 3, 3)


def test_both_sides_0_change_nothing() -> None:
    assert torch.equal(scale(RAMP, 0, 0), RAMP)


def test_center_cuts_to_the_new_aspect() -> None:
    assert torch.equal(scale(RAMP, 2, 2, "nearest-exact", "center"), RAMP[:, :, 2:4])


def test_alpha_is_scaled_too() -> None:
    assert scale(torch.ones(1, 4, 4, 4), 2, 2, "lanczos").shape == (1, 2, 2, 4)


def test_a_picture_beyond_the_limit_is_not_made() -> None:
    with pytest.raises(BadInput, match="16384 × 16384"):
        scale(RAMP, 16_384, 16_384)


def test_a_mask_and_an_image_are_of_different_kinds() -> None:
    assert (Image.socket, Mask.socket) == ("IMAGE", "MASK")
