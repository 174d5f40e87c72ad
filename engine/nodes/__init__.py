"""The nodes: typed functions of ten to thirty lines, grouped as users look for them.

This tuple is all there is to registering one.
"""

from engine.graph.spec import AnyNode
from engine.nodes.conditioning import (
    clip_text_encode,
    conditioning_average,
    conditioning_combine,
    conditioning_concat,
    conditioning_set_area,
    conditioning_set_area_percentage,
    conditioning_set_area_strength,
    conditioning_set_mask,
    conditioning_set_timestep_range,
    conditioning_zero_out,
)
from engine.nodes.image import image_scale, load_image, preview_image, save_image
from engine.nodes.image_animation import save_animated_png, save_animated_webp
from engine.nodes.image_batches import (
    empty_image,
    get_image_size,
    image_batch,
    image_from_batch,
    repeat_image_batch,
)
from engine.nodes.image_color import image_rgb_to_yuv, image_yuv_to_rgb
from engine.nodes.image_edges import canny
from engine.nodes.image_filters import (
    image_add_noise,
    image_blend,
    image_blur,
    image_invert,
    image_sharpen,
    morphology,
)
from engine.nodes.image_quantize import image_quantize
from engine.nodes.image_sizes import (
    image_scale_by,
    image_scale_to_max_dimension,
    image_scale_to_total_pixels,
    resize_and_pad_image,
)
from engine.nodes.image_transform import (
    image_crop,
    image_flip,
    image_pad_for_outpaint,
    image_rotate,
    image_stitch,
)
from engine.nodes.inpaint import (
    inpaint_model_conditioning,
    instruct_pix_to_pix_conditioning,
    vae_encode_for_inpaint,
)
from engine.nodes.latent import empty_latent_image, latent_upscale, vae_decode, vae_encode
from engine.nodes.latent_arithmetic import (
    latent_add,
    latent_blend,
    latent_concat,
    latent_cut,
    latent_interpolate,
    latent_multiply,
    latent_subtract,
)
from engine.nodes.latent_batches import (
    latent_batch,
    latent_batch_seed_behavior,
    latent_from_batch,
    repeat_latent_batch,
)
from engine.nodes.latent_compositing import latent_composite, latent_composite_masked, set_latent_noise_mask
from engine.nodes.latent_empty import (
    empty_chroma_radiance_latent_image,
    empty_hunyuan_image_latent,
    empty_sd3_latent_image,
    stable_cascade_empty_latent_image,
)
from engine.nodes.latent_operations import (
    latent_apply_operation,
    latent_operation_sharpen,
    latent_operation_tonemap_reinhard,
)
from engine.nodes.latent_transform import latent_crop, latent_flip, latent_rotate, latent_upscale_by
from engine.nodes.loaders import checkpoint_loader_simple
from engine.nodes.lora import lora_loader, lora_loader_model_only
from engine.nodes.mask import (
    crop_mask,
    feather_mask,
    grow_mask,
    image_color_to_mask,
    image_to_mask,
    invert_mask,
    load_image_mask,
    mask_composite,
    mask_preview,
    mask_to_image,
    solid_mask,
    threshold_mask,
)
from engine.nodes.mask_compositing import (
    image_composite_masked,
    join_image_with_alpha,
    porter_duff_image_composite,
    split_image_with_alpha,
)
from engine.nodes.merging import (
    clip_merge_add,
    clip_merge_simple,
    clip_merge_subtract,
    model_merge_add,
    model_merge_blocks,
    model_merge_sd1,
    model_merge_sd2,
    model_merge_sdxl,
    model_merge_simple,
    model_merge_subtract,
)
from engine.nodes.model_loaders import (
    checkpoint_loader,
    clip_loader,
    dual_clip_loader,
    unet_loader,
    vae_loader,
)
from engine.nodes.model_patches import (
    cfg_zero_star,
    free_u,
    free_u_v2,
    perturbed_attention_guidance,
    rescale_cfg,
    tome_patch_model,
)
from engine.nodes.model_sampling import (
    model_sampling_continuous_edm,
    model_sampling_continuous_v,
    model_sampling_discrete,
)
from engine.nodes.model_saving import checkpoint_save, clip_save, model_save, vae_save
from engine.nodes.sampling import ksampler
from engine.nodes.sdxl import clip_set_last_layer, clip_text_encode_sdxl, clip_text_encode_sdxl_refiner
from engine.nodes.storage import load_latent, save_latent

NODES: tuple[AnyNode, ...] = (
    checkpoint_loader_simple,
    clip_text_encode,
    empty_latent_image,
    ksampler,
    vae_decode,
    vae_encode,
    load_image,
    save_image,
    preview_image,
    save_latent,
    load_latent,
    latent_upscale,
    image_scale,
    clip_set_last_layer,
    clip_text_encode_sdxl,
    clip_text_encode_sdxl_refiner,
    model_sampling_discrete,
    model_sampling_continuous_edm,
    model_sampling_continuous_v,
    unet_loader,
    vae_loader,
    clip_loader,
    dual_clip_loader,
    checkpoint_loader,
    inpaint_model_conditioning,
    instruct_pix_to_pix_conditioning,
    vae_encode_for_inpaint,
    latent_upscale_by,
    latent_rotate,
    latent_flip,
    latent_crop,
    latent_batch,
    latent_from_batch,
    repeat_latent_batch,
    latent_batch_seed_behavior,
    latent_add,
    latent_subtract,
    latent_multiply,
    latent_interpolate,
    latent_blend,
    latent_concat,
    latent_cut,
    latent_composite,
    latent_composite_masked,
    set_latent_noise_mask,
    latent_apply_operation,
    latent_operation_tonemap_reinhard,
    latent_operation_sharpen,
    empty_sd3_latent_image,
    empty_hunyuan_image_latent,
    empty_chroma_radiance_latent_image,
    stable_cascade_empty_latent_image,
    mask_to_image,
    image_to_mask,
    image_color_to_mask,
    solid_mask,
    invert_mask,
    crop_mask,
    mask_composite,
    feather_mask,
    grow_mask,
    threshold_mask,
    mask_preview,
    load_image_mask,
    porter_duff_image_composite,
    split_image_with_alpha,
    join_image_with_alpha,
    image_composite_masked,
    image_scale_by,
    image_scale_to_total_pixels,
    image_scale_to_max_dimension,
    resize_and_pad_image,
    empty_image,
    image_batch,
    repeat_image_batch,
    image_from_batch,
    get_image_size,
    image_rgb_to_yuv,
    image_yuv_to_rgb,
    image_crop,
    image_rotate,
    image_flip,
    image_pad_for_outpaint,
    image_stitch,
    image_invert,
    image_add_noise,
    image_blend,
    image_blur,
    image_sharpen,
    morphology,
    image_quantize,
    canny,
    save_animated_webp,
    save_animated_png,
    conditioning_average,
    conditioning_combine,
    conditioning_concat,
    conditioning_set_area,
    conditioning_set_area_percentage,
    conditioning_set_area_strength,
    conditioning_set_mask,
    conditioning_set_timestep_range,
    conditioning_zero_out,
    lora_loader,
    lora_loader_model_only,
    model_merge_simple,
    model_merge_add,
    model_merge_subtract,
    model_merge_blocks,
    clip_merge_simple,
    clip_merge_add,
    clip_merge_subtract,
    model_merge_sd1,
    model_merge_sd2,
    model_merge_sdxl,
    checkpoint_save,
    model_save,
    clip_save,
    vae_save,
    free_u,
    free_u_v2,
    tome_patch_model,
    perturbed_attention_guidance,
    rescale_cfg,
    cfg_zero_star,
)
