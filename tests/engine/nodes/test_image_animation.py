import io
import json
from typing import Any

import numpy
import pytest
import torch
from PIL import Image as Pillow
from PIL import ImageSequence

from engine.graph.context import Context
from engine.graph.kinds import Image
from engine.nodes.image import load_image
from engine.nodes.image_animation import save_animated_png, save_animated_webp
from tests.engine.nodes.calls import context_of

FRAMES = torch.randint(0, 256, (3, 8, 10, 3), generator=torch.Generator().manual_seed(1)) / 255
PROMPT, WORKFLOW = {"1": {"class_type": "Ä"}}, {"nodes": []}


def context() -> Context:
    return context_of(prompt=PROMPT, workflow=WORKFLOW)


def webp(**changes: Any) -> Context:
    found = context()
    settings: dict[str, Any] = {"fps": 8.0, "lossless": True, "quality": 80, "method": "fastest"}
    save_animated_webp(images=Image(FRAMES), filename_prefix="a/b", ctx=found, **(settings | changes))
    return found


def png(**changes: Any) -> Context:
    found = context()
    save_animated_png(images=Image(FRAMES), filename_prefix="a/b", ctx=found, **({"fps": 8.0} | changes))
    return found


def opened(found: Context) -> Pillow.Image:
    return Pillow.open(io.BytesIO(found.files[0].content))


@pytest.mark.parametrize(
    ("found", "suffix", "media_type"), [(webp(), ".webp", "image/webp"), (png(), ".png", "image/png")]
)
def test_frames_come_back_as_they_were(found: Context, suffix: str, media_type: str) -> None:
    (file,) = found.files
    assert (file.purpose, file.prefix, file.suffix, file.media_type) == ("output", "a/b", suffix, media_type)
    assert (file.width, file.height) == (10, 8)
    image, _ = load_image(image="p", ctx=context_of({"p": file.content}))
    torch.testing.assert_close(image.pixels, FRAMES, rtol=0, atol=1e-6)


@pytest.mark.parametrize("found", [webp(), png()])
def test_frames_last_as_long_as_the_rate_says(found: Context) -> None:
    picture = opened(found)
    durations = []
    for frame in ImageSequence.Iterator(picture):
        frame.load()
        durations.append(frame.info["duration"])
    assert durations == [125, 125, 125]


def test_webp_carries_prompt_and_workflow_in_exif() -> None:
    exif = opened(webp()).getexif()
    assert json.loads(exif[0x0110].removeprefix("prompt:")) == PROMPT
    assert json.loads(exif[0x010F].removeprefix("workflow:")) == WORKFLOW


def test_png_carries_prompt_and_workflow_behind_the_first_frame() -> None:
    content = png().files[0].content
    chunk = b"comfprompt\0" + json.dumps(PROMPT).encode()
    assert content.index(b"IDAT") < content.index(chunk)
    assert b"comfworkflow\0" + json.dumps(WORKFLOW).encode() in content


def test_webp_with_losses_is_near_by() -> None:
    smooth = torch.linspace(0, 1, 10)[None, None, :, None].expand(2, 8, -1, 3)
    found = context()
    save_animated_webp(images=Image(smooth), fps=6.0, lossless=False, quality=90, method="default", ctx=found)
    shown = numpy.asarray(opened(found).convert("RGB")).astype(numpy.float32) / 255
    assert not numpy.array_equal(shown, smooth[0].numpy())
    # Of a smooth ramp at this quality: a few levels of 255.
    assert numpy.abs(shown - smooth[0].numpy()).max() < 0.06
