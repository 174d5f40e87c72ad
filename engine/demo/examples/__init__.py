"""Example workflows on the demo model, and the pictures that they begin with."""

from engine.demo.examples.graphs import BLUEPRINT, EDGES, EXAMPLES, MODEL, SAMPLING
from engine.demo.examples.inputs import HOLE, HOLE_BOX, HOUSE, INPUTS, SKETCH, find_input, hole, house, sketch

__all__ = [
    "BLUEPRINT",
    "EDGES",
    "EXAMPLES",
    "HOLE",
    "HOLE_BOX",
    "HOUSE",
    "INPUTS",
    "MODEL",
    "SAMPLING",
    "SKETCH",
    "find_input",
    "hole",
    "house",
    "sketch",
]
