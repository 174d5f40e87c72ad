"""A small synthetic world: seeded scenes of coloured things, the pictures of them and their captions.

scene -> shapes -> drawing -> captions. Everything is drawn here, from formulas; nothing comes from elsewhere.
"""

from engine.demo.world.captions import caption
from engine.demo.world.drawing import draw
from engine.demo.world.scene import Scene, Thing, sample_scene

__all__ = ["Scene", "Thing", "caption", "draw", "sample_scene"]
