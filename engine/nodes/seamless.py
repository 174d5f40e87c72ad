"""Nodes for pictures that can be laid side by side, such as textures of games."""

from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from engine.graph.adaptations import Seamless
from engine.graph.context import Context
from engine.graph.kinds import FloatWidget, Image, Latent, Model, Tip, Vae
from engine.graph.spec import node
from engine.nodes.latent import vae_decode

Edges: TypeAlias = Literal["enable", "x_only", "y_only", "disable"]
Tiling = Annotated[Edges, Tip("Which edges meet: x, left and right; y, top and bottom.")]
Copy = Annotated[
    Literal["Make a copy", "Modify in place"],
    Tip("Kept for old workflows: nothing is ever changed in place."),
]
Percent = Annotated[float, FloatWidget(0.0, 100.0, step=1.0)]


@node("SeamlessTile", category="conditioning", title="Seamless Tile")
def seamless_tile(*, model: Model, copy_model: Copy, tiling: Tiling) -> Model:
    """Lets a model draw pictures that go on at the opposite edge; decode them with a circular VAE."""
    others = tuple(each for each in model.adaptations if not isinstance(each, Seamless))
    edges = _edges(tiling)
    return replace(model, adaptations=others if edges is None else (*others, edges))


@node("MakeCircularVAE", category="latent", title="Make Circular VAE")
def make_circular_vae(*, vae: Vae, tiling: Tiling, copy_vae: Copy) -> Vae:
    """Lets a VAE take pictures for ones that go on at the opposite edge."""
    return replace(vae, edges=_edges(tiling))


@node("CircularVAEDecode", category="latent", title="Circular VAE Decode (tile)")
def circular_vae_decode(*, samples: Latent, vae: Vae, tiling: Tiling, ctx: Context) -> Image:
    """Turns latents into pictures that go on at the opposite edge."""
    return vae_decode(samples=samples, vae=replace(vae, edges=_edges(tiling)), ctx=ctx)


@node("OffsetImage", category="image", title="Offset Image")
def offset_image(*, pixels: Image, x_percent: Percent = 50.0, y_percent: Percent = 50.0) -> Image:
    """Moves pictures around their edges, so that the seam can be seen."""
    height, width = pixels.pixels.shape[1:3]
    shifts = round(height * y_percent / 100), round(width * x_percent / 100)
    return Image(pixels.pixels.roll(shifts, dims=(1, 2)))


def _edges(tiling: Edges) -> Seamless | None:
    if tiling == "disable":
        return None
    return Seamless(across=tiling != "y_only", down=tiling != "x_only")
