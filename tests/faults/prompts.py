"""The default graph, made small or long."""

from tests.faults.client import Studio
from tests.webapp.prompts import Prompt


def sized(studio: Studio, *, steps: int, seed: int = 1) -> Prompt:
    """The default graph at 64 x 64 with so many steps."""
    prompt = studio.default_prompt()
    for node in prompt.values():
        if node["class_type"] == "KSampler":
            node["inputs"] |= {"steps": steps, "seed": seed}
        if node["class_type"] == "EmptyLatentImage":
            node["inputs"] |= {"width": 64, "height": 64}
    return prompt
