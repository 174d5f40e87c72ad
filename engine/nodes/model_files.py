"""From files to values on sockets, for the nodes that load: of a file, header and a few numbers are read."""

from pathlib import Path

from engine.graph.kinds import Model, Parametrisation
from engine.models.detect import DetectedPart
from engine.models.family import Family
from engine.models.sd_unet import SdUNetConfig
from engine.models.variant import find_parametrisation, guess_sd2
from engine.residency.handle import Handle, Part, Storage
from engine.weights.header import Header
from engine.weights.shapes import under
from engine.weights.tensors import open_tensors


def handle_of(
    path: Path, family: str, part: Part, detected: DetectedPart, storage: Storage | None = None
) -> Handle:
    """The handle of one part of a file; `family` is the name of the one that it belongs to."""
    status = path.stat()
    return Handle(
        path=path,
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        part=part,
        family=family,
        prefix=detected.prefix,
        config=detected.config,
        elements=detected.elements,
        layout=detected.layout,
        storage=storage,
    )


def model_of(
    header: Header,
    family: Family,
    unet: DetectedPart,
    *,
    storage: Storage | None = None,
    preview_vae: Handle | None = None,
) -> Model:
    """The denoising network of a file, with what the file says of its prediction."""
    handle = handle_of(header.path, family.name, "unet", unet, storage)
    return Model(handle, preview_vae, _parametrisation(header, family, unet))


def _parametrisation(header: Header, family: Family, unet: DetectedPart) -> Parametrisation | None:
    with open_tensors(header.path) as tensors:
        told = find_parametrisation(family, header.tensors, header.metadata, tensors)
        if told is not None or family.name != "sd2" or not isinstance(unet.config, SdUNetConfig):
            return told
        sources = unet.layout(under(header.shapes, unet.prefix))
        return Parametrisation(guess_sd2(unet.config, sources, unet.prefix, tensors))
