import torch

from engine.graph.kinds import CondEntry, Conditioning, Image, Mask
from engine.nodes.inpaint import (
    grow,
    inpaint_model_conditioning,
    instruct_pix_to_pix_conditioning,
    vae_encode_for_inpaint,
)
from engine.nodes.latent import vae_encode
from tests.engine.nodes.studio import Studio

PICTURE = torch.rand(1, 64, 80, 3, generator=torch.Generator().manual_seed(1))
TEXT = Conditioning((CondEntry(torch.zeros(1, 77, 48)),))


def half_mask(height: int = 64, width: int = 80) -> torch.Tensor:
    """The right half is to be painted."""
    mask = torch.zeros(1, height, width)
    mask[:, :, width // 2 :] = 1
    return mask


def encoded(studio: Studio, pixels: torch.Tensor) -> torch.Tensor:
    return vae_encode(pixels=Image(pixels), vae=studio.load()[2], ctx=studio.context).samples


def with_grey_half() -> torch.Tensor:
    hidden = PICTURE.clone()
    hidden[:, :, 40:] = 0.5
    return hidden


def test_the_network_is_shown_the_picture_with_grey_under_the_mask(studio: Studio) -> None:
    positive, negative, latent = inpaint_model_conditioning(
        positive=TEXT,
        negative=TEXT,
        vae=studio.load()[2],
        pixels=Image(PICTURE),
        mask=Mask(half_mask()),
        ctx=studio.context,
    )
    (entry,) = positive.entries
    assert entry.concat_latent is not None
    assert entry.concat_mask is not None
    torch.testing.assert_close(entry.concat_latent, encoded(studio, with_grey_half()))
    assert torch.equal(entry.concat_mask, half_mask())
    assert negative.entries[0].concat_latent is entry.concat_latent
    torch.testing.assert_close(latent.samples, encoded(studio, PICTURE))
    assert latent.noise_mask is not None


def test_without_a_noise_mask_the_whole_picture_may_change(studio: Studio) -> None:
    *_, latent = inpaint_model_conditioning(
        positive=TEXT,
        negative=TEXT,
        vae=studio.load()[2],
        pixels=Image(PICTURE),
        mask=Mask(half_mask()),
        noise_mask=False,
        ctx=studio.context,
    )
    assert latent.noise_mask is None


def test_instructions_come_with_the_picture_and_an_empty_latent(studio: Studio) -> None:
    positive, _, latent = instruct_pix_to_pix_conditioning(
        positive=TEXT, negative=TEXT, vae=studio.load()[2], pixels=Image(PICTURE), ctx=studio.context
    )
    assert positive.entries[0].concat_latent is not None
    torch.testing.assert_close(positive.entries[0].concat_latent, encoded(studio, PICTURE))
    assert latent.samples.shape == (1, 4, 8, 10)
    assert not latent.samples.any()


def test_a_picture_for_inpainting_is_grey_under_the_mask_that_is_widened(studio: Studio) -> None:
    latent = vae_encode_for_inpaint(
        pixels=Image(PICTURE),
        vae=studio.load()[2],
        mask=Mask(half_mask()),
        grow_mask_by=6,
        ctx=studio.context,
    )
    torch.testing.assert_close(latent.samples, encoded(studio, with_grey_half()))
    assert latent.noise_mask is not None
    columns = latent.noise_mask[0, 30].nonzero().flatten()
    # A square of 6 around a pixel reaches from 3 before it to 2 behind it.
    assert (int(columns.min()), int(columns.max())) == (38, 79)


def test_a_mask_of_another_size_is_brought_to_the_pictures(studio: Studio) -> None:
    latent = vae_encode_for_inpaint(
        pixels=Image(PICTURE),
        vae=studio.load()[2],
        mask=Mask(half_mask(32, 40)),
        grow_mask_by=0,
        ctx=studio.context,
    )
    assert latent.noise_mask is not None
    assert latent.noise_mask.shape == (1, 64, 80)


def test_growing_by_nothing_leaves_the_mask_as_it_is() -> None:
    mask = torch.rand(1, 5, 5)
    assert grow(mask, 0) is mask
