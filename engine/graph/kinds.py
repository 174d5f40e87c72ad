"""The types that node signatures are written in: values on sockets, and widgets with their ranges.

Tensors and handles appear in annotations only, so that the graph stays free of torch.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from engine.graph.adaptations import Adaptation, Seamless

if TYPE_CHECKING:
    from torch import Tensor

    from engine.residency.handle import Handle
    from engine.sampling.samplers.method import Method


class SocketValue:
    """Base of all values that travel along edges; `socket` is the type's name in prompts and catalogs."""

    socket: ClassVar[str]


Prediction = Literal["eps", "v", "x0", "edm", "lcm", "img_to_img", "flow"]


@dataclass(frozen=True)
class Parametrisation:
    """What a network predicts, and at which noise levels it was trained.

    levels: Stable Diffusion's table; every twentieth of it, as distilled models take; levels evenly spaced in
    their logarithm; or the angles of a cosine. The last two lie between sigma_min and sigma_max. Of flows,
    whose levels end at 1, `shift` (of exponential ones: its logarithm) moves them towards noise, and the
    network is told sigma * multiplier.
    is_zero_terminal: the table is stretched so that it ends in nothing but noise.
    sigma_data: the deviation of latents that v and edm assume.
    """

    prediction: Prediction = "eps"
    levels: Literal["table", "distilled", "logarithmic", "angles", "flow", "exponential_flow"] = "table"
    is_zero_terminal: bool = False
    sigma_min: float = 0.002
    sigma_max: float = 120.0
    sigma_data: float = 1.0
    shift: float = 1.0
    multiplier: float = 1000.0


@dataclass(frozen=True)
class Model(SocketValue):
    """A denoising network, not yet on any device. `preview_vae`: the decoder that previews are fitted to.

    `parametrisation` None: the family's own. `adaptations` change how it is run, one after the other.
    """

    socket = "MODEL"
    handle: "Handle"
    preview_vae: "Handle | None" = None
    parametrisation: Parametrisation | None = None
    adaptations: tuple[Adaptation, ...] = ()


@dataclass(frozen=True)
class Clip(SocketValue):
    """A text encoder with its tokenizer, not yet on any device; `second` beside it where a family has two.

    `last_layer`: whose hidden states to take instead of the family's choice, -1 being the last.
    """

    socket = "CLIP"
    handle: "Handle"
    second: "Handle | None" = None
    last_layer: int | None = None


@dataclass(frozen=True)
class Vae(SocketValue):
    """An image autoencoder, not yet on any device. edges: where its pictures go on at the opposite edge."""

    socket = "VAE"
    handle: "Handle"
    edges: Seamless | None = None


@dataclass(frozen=True)
class ClipVision(SocketValue):
    """An encoder of pictures, not yet on any device."""

    socket = "CLIP_VISION"
    handle: "Handle"


@dataclass(frozen=True, eq=False)
class ClipVisionOutput(SocketValue):
    """What an encoder sees in pictures. embeds: (B, P), each as one vector.  last, penultimate: (B, T, D), a
    vector for each part of the picture, from the last layer and the one before it.
    """

    socket = "CLIP_VISION_OUTPUT"
    embeds: "Tensor"
    last: "Tensor"
    penultimate: "Tensor"


@dataclass(frozen=True)
class UpscaleModel(SocketValue):
    """A network that enlarges pictures, not yet on any device."""

    socket = "UPSCALE_MODEL"
    handle: "Handle"


@dataclass(frozen=True)
class IpAdapter(SocketValue):
    """What lets a network be prompted by pictures, not yet on any device."""

    socket = "IPADAPTER"
    handle: "Handle"


@dataclass(frozen=True, eq=False)
class Embeds(SocketValue):
    """What an IP-Adapter takes of N pictures. values: a vector each (N, D), or for each part (N, T, D)."""

    socket = "EMBEDS"
    values: "Tensor"


@dataclass(frozen=True)
class PictureSize:
    """What SDXL is told about a picture, in pixels: its size before it was scaled, the corner of the part
    that was cut out, the size that it has then. `score`: the refiner's aesthetic score.
    """

    width: int
    height: int
    crop_left: int = 0
    crop_top: int = 0
    target_width: int | None = None
    target_height: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class Area:
    """A rectangle of latent cells."""

    height: int
    width: int
    y: int
    x: int


@dataclass(frozen=True)
class RelativeArea:
    """A rectangle of any picture, in shares of its sides (0 to 1)."""

    height: float
    width: float
    y: float
    x: float


@dataclass(frozen=True)
class ControlNetwork(SocketValue):
    """A network that sees a picture and tells the denoising one what to add to its inner values.

    `is_pooled`: it says the same everywhere, the mean of what it would say.  `is_partial`: what its file
    lacks is the denoising network's.  `task`: for networks of several, which kind of picture it is shown.
    """

    socket = "CONTROL_NET"
    handle: "Handle"
    is_pooled: bool = False
    is_partial: bool = False
    task: int | None = None


@dataclass(frozen=True, eq=False)
class ControlHint:
    """A control network with its picture (B, H, W, C), and how strongly and when it counts.

    `is_for_all`: the negative side is to be told it as well.  previous: what is told besides.
    """

    network: ControlNetwork
    picture: "Tensor"
    strength: float
    start: float = 0.0
    end: float = 1.0
    is_for_all: bool = False
    previous: "ControlHint | None" = None


@dataclass(frozen=True, eq=False)
class CondEntry:
    """One encoded text. cond: (B, T, D).  pooled: (B, P), where the encoder has one.

    concat_latent: (B, C, h, w) in VAE space, the picture that an inpainting or pix2pix network starts from.
    concat_mask: (B, H, W), 1 = repaint.
    strength, area, mask: how strongly the text counts and where; the mask is (B, H, W) in any size, and
    `is_cut_to_mask` makes the area its bounds.  start, end: from which share of the way down until which.
    is_rest: the entry counts where no other does.
    """

    cond: "Tensor"
    pooled: "Tensor | None" = None
    size: PictureSize | None = None
    concat_latent: "Tensor | None" = None
    concat_mask: "Tensor | None" = None
    strength: float = 1.0
    area: Area | RelativeArea | None = None
    mask: "Tensor | None" = None
    mask_strength: float = 1.0
    is_cut_to_mask: bool = False
    start: float = 0.0
    end: float = 1.0
    is_rest: bool = False
    control: ControlHint | None = None


@dataclass(frozen=True, eq=False)
class Conditioning(SocketValue):
    """What a denoiser is guided by: the entries are combined."""

    socket = "CONDITIONING"
    entries: tuple[CondEntry, ...]


@dataclass(frozen=True)
class TimestepsRange(SocketValue):
    """A part of the way from noise (0) to picture (1)."""

    socket = "TIMESTEPS_RANGE"
    start: float
    end: float


@dataclass(frozen=True, eq=False)
class Hooks(SocketValue):
    """Changes of weights along a run. No node makes any yet: inputs for them stay open."""

    socket = "HOOKS"


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


@dataclass(frozen=True, eq=False)
class Sigmas(SocketValue):
    """levels: noise levels (N + 1,) of a run of N steps, float32; empty for a run that does nothing."""

    socket = "SIGMAS"
    levels: "Tensor"


@dataclass(frozen=True)
class Sampler(SocketValue):
    """A way to walk down noise levels, with its settings."""

    socket = "SAMPLER"
    method: "Method"


@dataclass(frozen=True)
class Noise(SocketValue):
    """What a run starts from. is_drawn False: from nothing; `seed` is then of later draws only."""

    socket = "NOISE"
    seed: int = 0
    is_drawn: bool = True


@dataclass(frozen=True, eq=False)
class Guider(SocketValue):
    """A model and what guides it: the estimates of each side are added up by weights, which sum to 1.

    Where there are several sides, the last is what to move away from.
    """

    socket = "GUIDER"
    model: Model
    sides: tuple[Conditioning, ...]
    weights: tuple[float, ...]


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
class Each:
    """Says of `**inputs` which there are, by names that no parameter may have, and what each starts with."""

    names: tuple[str, ...]
    default: float


@dataclass(frozen=True, slots=True)
class Lazy:
    """The input's source runs only if the node's `needs` names it; otherwise the node is given None.

    Annotated[Image | None, Lazy()] is required all the same; Annotated[Image, Lazy()] | None is optional.
    """


@dataclass(frozen=True, slots=True)
class Tip:
    """The tooltip of one input: Annotated[Steps, Tip("More steps, finer detail")]."""

    text: str


# A FloatWidget's `round` for numbers that are kept as they were typed.
EXACT = 1e-9

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
