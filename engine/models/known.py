"""Kinds of files that are recognised and not supported yet, so that a refusal can say what a file is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.weights.shapes import Shape, Shapes

# Where networks lie in files of all kinds.
PREFIXES = ("model.diffusion_model.", "model.model.", "net.", "model.", "transformer.", "")
IMAGE_VAE = "image VAE"
# How the formats of weight changes end their names.
_LORA = re.compile(
    r"[._](lora_(up|down|A|B|mid)|hada_w1_a|lokr_w1(_a)?|oft_blocks|a1|diff|diff_b|set_weight)(\.\w+)*$"
    r"|\.(alpha|dora_scale)$"
)


@dataclass(frozen=True)
class Mark:
    """A tensor `name`, below any of the usual prefixes, with as many sizes as `shape`, None being any size.

    `shape` None: of any shape.
    """

    name: str
    shape: tuple[int | None, ...] | None = None

    def is_in(self, shapes: Shapes) -> bool:
        """Whether the file has it."""
        found = (shapes.get(prefix + self.name) for prefix in PREFIXES)
        return any(shape is not None and self._fits(shape) for shape in found)

    def _fits(self, shape: Shape) -> bool:
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            wanted in (None, size) for size, wanted in zip(shape, self.shape, strict=True)
        )


@dataclass(frozen=True)
class Known:
    """What a file is that has all of `marks`. kind: the kind of file, of those that may be kept for later."""

    title: str
    marks: tuple[Mark, ...]
    kind: str | None = None


def find_known_denoiser(shapes: Shapes) -> str | None:
    """The title of the first denoising network whose marks the file has; None for an unknown file."""
    return _first(DENOISERS, shapes)


def find_known_part(shapes: Shapes) -> str | None:
    """The same for what goes beside a denoising network: encoders, VAEs, adapters."""
    is_lora = any(_LORA.search(name) for name in shapes)
    return "LoRA" if is_lora else _first(PARTS, shapes)


def find_known(shapes: Shapes) -> Known | None:
    """What the file is, whatever it is."""
    return _find((*PARTS, *DENOISERS), shapes)


def _first(kinds: Sequence[Known], shapes: Shapes) -> str | None:
    known = _find(kinds, shapes)
    return None if known is None else known.title


def _find(kinds: Sequence[Known], shapes: Shapes) -> Known | None:
    return next((kind for kind in kinds if all(mark.is_in(shapes) for mark in kind.marks)), None)


def _kind(title: str, *names: str | tuple[str, tuple[int | None, ...]], kind: str | None = None) -> Known:
    return Known(title, tuple(Mark(name) if isinstance(name, str) else Mark(*name) for name in names), kind)


# In the order of a safe decision: what a later kind shares with an earlier one comes after it.
DENOISERS: tuple[Known, ...] = (
    _kind("Stable Diffusion 3", "joint_blocks.0.context_block.attn.qkv.weight"),
    _kind("Stable Cascade, stage C", "clf.1.weight", "clip_txt_mapper.weight"),
    _kind("Stable Cascade, stage B", "clf.1.weight", "clip_mapper.weight"),
    _kind("AuraFlow", "double_layers.0.attn.w1q.weight"),
    _kind("Hunyuan-DiT", "mlp_t5.0.weight"),
    _kind("HunyuanVideo", "txt_in.individual_token_refiner.blocks.0.norm1.weight"),
    _kind("Chroma", "distilled_guidance_layer.norms.0.scale"),
    _kind("Chroma", "distilled_guidance_layer.layers.0.in_layer.weight"),
    _kind("Flux.1", "double_blocks.0.img_attn.norm.key_norm.scale"),
    _kind("Mochi", "t5_yproj.weight"),
    _kind("LTX-Video", "adaln_single.emb.timestep_embedder.linear_1.bias", "patchify_proj.weight"),
    _kind("PixArt", "t_block.1.weight"),
    _kind("Lumina 2", "cap_embedder.1.weight"),
    _kind("Wan", "head.modulation"),
    _kind("Qwen-Image", "txt_norm.weight"),
    _kind("Stable Video Diffusion", "middle_block.1.time_stack.0.attn1.to_q.weight"),
    _kind("Stable Video Diffusion", "down_blocks.0.attentions.0.temporal_transformer_blocks.0.norm1.weight"),
    _kind("Playground 2.5", "edm_mean", ("label_emb.0.0.weight", (None, 2816))),
    _kind("Zero123", "cc_projection.weight"),
    _kind("Stable Diffusion 2 unCLIP", ("label_emb.0.0.weight", (None, 1536))),
    _kind("Stable Diffusion 2 unCLIP", ("label_emb.0.0.weight", (None, 2048))),
    _kind("Stable Diffusion 2 depth", ("input_blocks.0.0.weight", (None, 5, 3, 3))),
    _kind("Stable Diffusion 4x upscaler", ("input_blocks.0.0.weight", (None, 7, 3, 3))),
)
PARTS: tuple[Known, ...] = (
    _kind("ControlNet", "input_hint_block.0.weight"),
    _kind("ControlNet", "control_model.input_hint_block.0.weight"),
    _kind("ControlNet", "controlnet_cond_embedding.conv_in.weight"),
    _kind("ControlNet", "controlnet_x_embedder.weight"),
    _kind("ControlNet", "controlnet_blocks.0.weight"),
    _kind("T5 text encoder", "encoder.block.0.layer.0.SelfAttention.k.weight", kind="text_encoder"),
    _kind("Gemma text encoder", "layers.0.post_feedforward_layernorm.weight", kind="text_encoder"),
    _kind("Qwen or Llama text encoder", "layers.0.self_attn.k_proj.weight", kind="text_encoder"),
    _kind(
        "SigLIP vision encoder", "vision_model.encoder.layers.0.self_attn.k_proj.weight", kind="clip_vision"
    ),
    _kind("CLIP text encoder", "text_model.embeddings.token_embedding.weight"),
    _kind("CLIP text encoder", "positional_embedding", "ln_final.weight"),
    _kind("TAESD", "taesd_decoder.1.weight"),
    _kind("TAESD decoder", "1.weight", "3.conv.0.weight"),
    _kind("TAESD encoder", "0.weight", "1.conv.0.weight"),
    _kind("ESRGAN upscaler", "model.1.sub.0.RDB1.conv1.0.weight"),
    _kind("ESRGAN upscaler", "RRDB_trunk.0.RDB1.conv1.weight"),
    _kind("ESRGAN upscaler", "body.0.rdb1.conv1.weight"),
    _kind("compact Real-ESRGAN upscaler", "body.0.weight", "body.1.weight"),
    _kind("Wan or Qwen-Image VAE", "decoder.middle.0.residual.0.gamma", kind="vae"),
    _kind("HunyuanVideo VAE", "decoder.conv_in.conv.weight"),
    _kind("Mochi VAE", "decoder.blocks.2.blocks.3.stack.5.weight"),
    _kind("Stable Diffusion 3 or Flux.1 VAE", ("decoder.conv_in.weight", (None, 16, 3, 3))),
    _kind(IMAGE_VAE, "decoder.conv_in.weight"),
    _kind("textual inversion", "emb_params"),
    _kind("textual inversion", "clip_l", "clip_g"),
    _kind("AnimateDiff motion module", "down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"),
    _kind("IP-Adapter", "ip_adapter.1.to_k_ip.weight"),
    _kind("T2I style adapter", "style_embedding", "ln_post.weight"),
    _kind("Flux.1 Redux", "redux_up.weight"),
    _kind("T2I-Adapter", "body.0.block1.weight"),
    _kind("T2I-Adapter", "body.0.resnets.0.block1.weight"),
    _kind("T2I-Adapter", "adapter.body.0.resnets.0.block1.weight"),
)
