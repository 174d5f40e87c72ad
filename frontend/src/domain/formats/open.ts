// Whatever holds a graph, read as a graph: saved workflows, API prompts, POST bodies, pictures.
import type { Catalog } from '../catalog/types'
import { isObject, parseJson } from '../graph/json'
import type { Graph } from '../graph/types'
import { fromPrompt, isPrompt } from './fromPrompt'
import { fromWorkflow, isWorkflow } from './fromWorkflow'
import { readPngTexts } from './png'

/** Null for a document that holds no graph. */
export function openDocument(document: unknown, catalog: Catalog, title: string): Graph | null {
  if (isWorkflow(document)) return fromWorkflow(document, catalog, title)
  if (isPrompt(document)) return fromPrompt(document, catalog, title)
  if (isObject(document) && 'prompt' in document) {
    return openDocument(document['prompt'], catalog, title)
  }
  return null
}

export function openText(text: string, catalog: Catalog, title: string): Graph | null {
  return openDocument(parseJson(text), catalog, title)
}

/** The graph that made a PNG: its workflow, else its prompt. */
export function openPng(bytes: Uint8Array, catalog: Catalog, title: string): Graph | null {
  const texts = readPngTexts(bytes)
  for (const keyword of ['workflow', 'prompt']) {
    const text = texts?.get(keyword)
    const graph = text === undefined ? null : openText(text, catalog, title)
    if (graph && graph.nodes.size > 0) return graph
  }
  return null
}
