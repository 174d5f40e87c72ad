"""The types that node signatures are written in: values on sockets, and widgets with their ranges.

Tensors and handles appear in annotations only, so that the graph stays free of torch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from engine.residency.handle import Handle


class SocketValue:
    """Base of all values that travel along edges; `socket` is the type's name in prompts and catalogs."""

    socket: ClassVar[str]


@dataclass(frozen=True)
class Model(SocketValue):
    """A denoising network, not yet on any device. `preview_vae`: the decoder that previews are fitted to."""

    socket = "MODEL"
    handle: "Handle"
    preview_vae: "Handle | None" = None


@dataclass(frozen=True)
class Clip(SocketValue):
    """A text encoder with its tokenizer, not yet on any device."""

    socket = "CLIP"
    handle: "Handle"


@dataclass(frozen=True)
class Vae(SocketValue):
    """An image autoencoder, not yet on any device."""

    socket = "VAE"
    handle: "Handle"


@dataclass(frozen=True, eq=False)
class CondEntry:
    """One encoded text. cond: (B, T, D).  pooled: (B, P), where the encoder has one."""

    cond: "Tensor"
    pooled: "Tensor | None" = None


@dataclass(frozen=True, eq=False)
class Conditioning(SocketValue):
    """What a denoiser is guided by: the entries are combined."""

    socket = "CONDITIONING"
    entries: tuple[CondEntry, ...]


@dataclass(frozen=True, eq=False)
class Latent(SocketValue):
    """samples: (B, C, H, W) in VAE space, before the family's scale and shift.  noise_mask: 1 = repaint."""

    socket = "LATENT"
    samples: "Tensor"
    noise_mask: "Tensor | None" = None
    batch_index: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Image(SocketValue):
    """pixels: (B, H, W, C), float32 in [0, 1], C = 3 (RGB) or 4 (RGBA)."""

    socket = "IMAGE"
    pixels: "Tensor"


@dataclass(frozen=True, eq=False)
class Mask(SocketValue):
    """values: (B, H, W), float32 in [0, 1], 1 = repaint."""

    socket = "MASK"
    values: "Tensor"


@dataclass(frozen=True, slots=True)
class IntWidget:
    """A whole number in [min, max]. `step` is a hint for the editor, no rule."""

    min: int
    max: int
    step: int | None = None
    control_after_generate: bool = False


@dataclass(frozen=True, slots=True)
class FloatWidget:
    """A number in [min, max]. `step` and `round` are hints for the editor, no rules."""

    min: float
    max: float
    step: float | None = None
    round: float | None = None


@dataclass(frozen=True, slots=True)
class TextWidget:
    """A text. `is_path`: it names a place below some folder, so it must not lead out of it."""

    multiline: bool = False
    dynamic_prompts: bool = False
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few names."""

    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileChoice:
    """The name of a file in a folder of models, such as "checkpoints"."""

    folder: str


@dataclass(frozen=True, slots=True)
class InputChoice:
    """The name of an input that people upload; folders of inputs are called input:image, input:latent."""

    kind: Literal["image", "latent"]


@dataclass(frozen=True, slots=True)
class Tip:
    """The tooltip of one input: Annotated[Steps, Tip("More steps, finer detail")]."""

    text: str


Widget = IntWidget | FloatWidget | TextWidget | Choice | FileChoice | InputChoice

Seed = Annotated[int, IntWidget(0, 2**64 - 1, control_after_generate=True)]
Steps = Annotated[int, IntWidget(1, 10_000)]
Cfg = Annotated[float, FloatWidget(0.0, 100.0, step=0.1, round=0.01)]
Denoise = Annotated[float, FloatWidget(0.0, 1.0, step=0.01)]
# A new picture's side, in the steps of a latent cell.
Pixels = Annotated[int, IntWidget(16, 16_384, step=8)]
# A side to scale to; 0 follows from the other side and the aspect.
ScaledPixels = Annotated[int, IntWidget(0, 16_384, step=1)]
ScaledLatentPixels = Annotated[int, IntWidget(0, 16_384, step=8)]
Count = Annotated[int, IntWidget(1, 4096)]
Text = Annotated[str, TextWidget(multiline=True, dynamic_prompts=True)]
FilePrefix = Annotated[str, TextWidget(is_path=True)]
Crop = Annotated[str, Choice(("disabled", "center"))]
