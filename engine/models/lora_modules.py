"""How LoRA files name the modules of Stable Diffusion: after the released networks, after diffusers' and
transformers', with dots or with underscores.
"""

from collections.abc import Iterable

from engine.models.diffusers_layout import unet_names_in_diffusers

# Text encoders by the order of their parts in a family; the first has names without a number too.
_TEXT_PREFIXES = (("lora_te1_", "text_encoder."), ("lora_te2_", "text_encoder_2."))
_SOLE_TEXT_PREFIX = "lora_te_"
# Modules of text encoders, for telling what a file holds that is not loaded.
TEXT_STARTS = ("lora_te", "text_encoder")


def unet_aliases(names: Iterable[str]) -> dict[str, str]:
    """The module of each name that files use; `names` are the tensors of an `SdUNet`."""
    aliases: dict[str, str] = {}
    for ours, theirs in unet_names_in_diffusers(names).items():
        module, known = ours.rpartition(".")[0], theirs.rpartition(".")[0]
        for spelling in (module, known):
            aliases[f"lora_unet_{_flat(spelling)}"] = module
        aliases[f"diffusion_model.{module}"] = module
        aliases[f"unet.{known}"] = aliases[known] = aliases[f"lycoris_{_flat(known)}"] = module
    return aliases


def text_aliases(names: Iterable[str], place: int, encoder: str, *, is_sole: bool) -> dict[str, str]:
    """The same for a `ClipText`, the encoder at `place` in its family; `encoder` is its name, as "clip_l"."""
    flat, dotted = _TEXT_PREFIXES[place]
    aliases: dict[str, str] = {}
    for name in names:
        module = name.rpartition(".")[0]
        theirs = module if module == "text_projection" else f"text_model.{module}"
        aliases[f"{dotted}{theirs}"] = aliases[f"text_encoders.{encoder}.transformer.{theirs}"] = module
        for prefix in (flat, _SOLE_TEXT_PREFIX) if is_sole else (flat,):
            aliases[f"{prefix}{_flat(theirs)}"] = module
    return aliases


def _flat(module: str) -> str:
    return module.replace(".", "_")
