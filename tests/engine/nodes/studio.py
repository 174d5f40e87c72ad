"""A context for nodes that lease models: the tiny checkpoint, a pool on the CPU, and what was reported."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from engine.graph.context import Context, Services
from engine.graph.events import Event
from engine.graph.folders import ModelFolders
from engine.graph.kinds import Clip, Conditioning, Latent, Model, Vae
from engine.nodes.conditioning import clip_text_encode
from engine.nodes.loaders import checkpoint_loader_simple
from engine.nodes.sampling import ksampler
from engine.residency.device import choose_placement
from engine.residency.pool import Pool
from tests.engine.prompts import CHECKPOINT


@dataclass
class Studio:
    """One run's surroundings, and shorthands for the nodes."""

    models: Path
    events: list[Event] = field(default_factory=list)
    is_cancelled: Callable[[], bool] = lambda: False
    dtype: str = "fp32"

    def __post_init__(self) -> None:
        self.pool = Pool(choose_placement("cpu", self.dtype), 10**9)
        self.context = Context(
            "1",
            Services(
                self.pool,
                ModelFolders((self.models,)),
                cast("Any", None),
                lambda: self.is_cancelled(),
                self.events.append,
            ),
        )

    def load(self) -> tuple[Model, Clip, Vae]:
        """The tiny checkpoint's parts."""
        return checkpoint_loader_simple(ckpt_name=CHECKPOINT, ctx=self.context)

    def encode(self, text: str) -> Conditioning:
        """A prompt, encoded."""
        return clip_text_encode(text=text, clip=self.load()[1], ctx=self.context)

    def sample(self, latent: Latent, **changes: Any) -> Latent:
        """KSampler with settings that tests change one by one."""
        settings: dict[str, Any] = {
            "model": self.load()[0],
            "seed": 1,
            "steps": 3,
            "cfg": 5.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "positive": self.encode("a cat"),
            "negative": self.encode("blurry"),
            "denoise": 1.0,
        }
        return ksampler(latent_image=latent, ctx=self.context, **(settings | changes))
