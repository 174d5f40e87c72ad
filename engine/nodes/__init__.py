"""The nodes: typed functions of ten to thirty lines, grouped as users look for them.

This tuple is all there is to registering one.
"""

from engine.graph.spec import AnyNode
from engine.nodes.image import image_scale, load_image, preview_image, save_image
from engine.nodes.storage import load_latent, save_latent

NODES: tuple[AnyNode, ...] = (
    load_image,
    save_image,
    preview_image,
    image_scale,
    save_latent,
    load_latent,
)
