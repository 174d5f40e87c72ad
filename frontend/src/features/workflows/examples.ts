// Example workflows: pictures that hold the graph which made them, shipped with the page.
import { openPng } from '@/domain/formats/open'
import { makeGraph, type Graph } from '@/domain/graph/types'
import { useUploadPicture } from '@/features/gallery'
import { useStudio } from '@/features/session'
import { text } from '@/shared/messages'
import { useToast } from '@/shared/ui/toasts'

export interface Example {
  readonly id: keyof typeof text.examples.items
  /** Pictures that the graph loads; uploaded when it is opened. */
  readonly inputs: readonly string[]
  /** Model files that it needs, as folder and name. */
  readonly models: readonly (readonly [string, string])[]
}

const CHECKPOINT = ['checkpoints', 'demo.safetensors'] as const
const EXAMPLES: readonly Example[] = [
  { id: 'textToImage', inputs: [], models: [CHECKPOINT] },
  { id: 'imageToImage', inputs: ['example-sketch.png'], models: [CHECKPOINT] },
  { id: 'inpainting', inputs: ['example-hole.png'], models: [CHECKPOINT] },
  { id: 'areas', inputs: [], models: [CHECKPOINT] },
  { id: 'style', inputs: [], models: [CHECKPOINT, ['loras', 'demo-blueprint.safetensors']] },
  {
    id: 'edges',
    inputs: ['example-house.png'],
    models: [CHECKPOINT, ['controlnet', 'demo-edges.safetensors']],
  },
]

export function thumbnailOf({ id }: Example): string {
  return `/examples/${id}.png`
}

/** Those whose models this installation has. */
export function useExamples(): readonly Example[] {
  const { catalog } = useStudio()
  return EXAMPLES.filter(({ models }) =>
    models.every(([folder, name]) => catalog.files[folder]?.includes(name)),
  )
}

export function useOpenExample(): (example: Example) => Promise<void> {
  const { catalog, open } = useStudio()
  const upload = useUploadPicture()
  const showToast = useToast()

  return async (example) => {
    const picture = await load(thumbnailOf(example))
    const { title } = text.examples.items[example.id]
    const graph = picture && openPng(new Uint8Array(await picture.arrayBuffer()), catalog, title)
    if (!graph) {
      showToast(text.workflows.notOpened, 'bad')
      return
    }
    let opened: Graph = { ...graph, title }
    for (const name of example.inputs) {
      const content = await load(`/examples/${name}`)
      const asset = content && (await upload(new File([content], name, { type: 'image/png' })))
      if (asset) opened = renameFile(opened, name, asset.name)
    }
    open({ graph: opened })
  }
}

async function load(url: string): Promise<Blob | null> {
  try {
    const response = await fetch(url)
    return response.ok ? await response.blob() : null
  } catch {
    return null
  }
}

/** The service may store an upload under another name, where that one is taken. */
function renameFile(graph: Graph, from: string, to: string): Graph {
  const nodes = [...graph.nodes.values()].map((node) => ({
    ...node,
    params: Object.fromEntries(
      Object.entries(node.params).map(([name, value]) => [name, value === from ? to : value]),
    ),
  }))
  return makeGraph({ ...graph, nodes, links: [...graph.links.values()] })
}
