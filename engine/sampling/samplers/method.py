"""What a sampler is, and what it asks of a run."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from engine.sampling.denoiser import GuidedDenoiser, OnStep
from engine.sampling.process import Process

# denoiser, x (B, C, H, W) at sigmas[0], sigmas (N + 1,), process, on_step -> x at the last sigma
Sampler = Callable[[GuidedDenoiser, Tensor, Tensor, Process, OnStep], Tensor]


@dataclass(frozen=True)
class Method:
    """A sampler with its settings.

    is_brownian: fresh noise comes from one Brownian path instead of one draw after the other.
    drops_second_last: takes a schedule of one step more without its second-last level, because its last step
    must not be a tiny one.
    has_fresh_mask_noise: keeps what is not repainted at the noise of another seed than its own.
    changes_size: ends with another width and height than it begins with.
    """

    walk: Sampler
    is_brownian: bool = False
    drops_second_last: bool = False
    has_fresh_mask_noise: bool = False
    changes_size: bool = False
