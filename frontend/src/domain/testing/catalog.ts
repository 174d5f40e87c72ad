// The engine's real catalog, with files as a service would list them, and the text-to-image prompt. For tests.
import engineCatalog from '../../../../engine/catalog.json'
import { parseCatalog, type Catalog } from '../catalog/types'

export const PROMPT = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'demo.safetensors' } },
  '2': { class_type: 'CLIPTextEncode', inputs: { text: 'a red circle', clip: ['1', 1] } },
  '3': { class_type: 'CLIPTextEncode', inputs: { text: 'blurry', clip: ['1', 1] } },
  '4': { class_type: 'EmptyLatentImage', inputs: { width: 256, height: 256, batch_size: 1 } },
  '5': {
    class_type: 'KSampler',
    inputs: {
      model: ['1', 0],
      seed: 7,
      steps: 12,
      cfg: 6.5,
      sampler_name: 'euler',
      scheduler: 'karras',
      positive: ['2', 0],
      negative: ['3', 0],
      latent_image: ['4', 0],
      denoise: 1,
    },
  },
  '6': { class_type: 'VAEDecode', inputs: { samples: ['5', 0], vae: ['1', 2] } },
  '7': { class_type: 'SaveImage', inputs: { images: ['6', 0], filename_prefix: 'Atelier' } },
}

export function realCatalog(): Catalog {
  return parseCatalog({
    ...engineCatalog,
    files: { checkpoints: ['demo.safetensors'], 'input:image': [], 'input:latent': [] },
    default_workflow: { title: 'Text to image', prompt: PROMPT },
  })
}
