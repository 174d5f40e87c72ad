"""What a runner is opened with."""

from dataclasses import dataclass

from engine.graph.folders import ModelFolders

DEFAULT_CACHE_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """Where model files lie, where to compute, and how much to keep.

    `device`: auto, cpu, cuda, cuda:1 …  `dtype`: auto, fp32, fp16, bf16.  `cache_bytes` bounds the kept
    results, `pool_bytes` the weights on the device; None leaves it to the device's size.
    """

    models: ModelFolders
    device: str = "auto"
    dtype: str = "auto"
    cache_bytes: int = DEFAULT_CACHE_BYTES
    pool_bytes: int | None = None
