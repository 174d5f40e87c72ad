import { describe, expect, test } from 'vitest'

import type { Graph, Json } from '../graph/types'
import { PROMPT, realCatalog } from '../testing/catalog'
import { fromPrompt } from './fromPrompt'
import { fromWorkflow } from './fromWorkflow'
import { openDocument, openPng, openText } from './open'
import { toPrompt } from './prompt'
import { toWorkflow } from './toWorkflow'

const catalog = realCatalog()
const graph = fromPrompt(PROMPT, catalog, 'Text to image')

/** A prompt without titles, which people do not set. */
function bare(prompt: unknown): unknown {
  const entries = Object.entries(prompt as Record<string, { class_type: Json; inputs: Json }>)
  return Object.fromEntries(
    entries.map(([id, { class_type, inputs }]) => [id, { class_type, inputs }]),
  )
}

function throughWorkflow(from: Graph): Graph {
  const saved: unknown = JSON.parse(JSON.stringify(toWorkflow(from, catalog)))
  const read = openDocument(saved, catalog, 'read')
  if (!read) throw new Error('the saved workflow cannot be read')
  return read
}

describe('API prompts', () => {
  test('a prompt that was opened is sent as it was', () => {
    expect(bare(toPrompt(graph, catalog))).toEqual(PROMPT)
  })

  test('a prompt in the body of a request is found', () => {
    const opened = openDocument({ prompt: PROMPT, client_id: 'x' }, catalog, '')
    expect(opened?.nodes.size).toBe(7)
  })

  test('arrays are wrapped, because an array means a link', () => {
    const node = { class_type: 'SaveImage', inputs: { filename_prefix: { __value__: [1, 2] } } }
    const opened = fromPrompt({ '1': node }, catalog, '')
    expect(bare(toPrompt(opened, catalog))).toEqual({ '1': node })
  })

  test('an unknown node keeps its inputs', () => {
    const unknown = { '9': { class_type: 'FutureNode', inputs: { strength: 0.5, note: 'x' } } }
    expect(bare(toPrompt(fromPrompt(unknown, catalog, ''), catalog))).toEqual(unknown)
  })

  test('a muted node is not sent', () => {
    const nodes = new Map(graph.nodes)
    const save = nodes.get('7')
    if (save) nodes.set('7', { ...save, mode: 'muted' })
    expect(Object.keys(toPrompt({ ...graph, nodes }, catalog))).not.toContain('7')
  })
})

describe('workflow files', () => {
  test('a graph that was saved and opened runs as the same prompt', () => {
    expect(bare(toPrompt(throughWorkflow(graph), catalog))).toEqual(PROMPT)
  })

  test('positions and titles come back', () => {
    const read = throughWorkflow(graph)
    for (const [id, node] of graph.nodes)
      expect(read.nodes.get(id)?.position).toEqual(node.position)
  })

  test('what is written has the shape of version 0.4', () => {
    const file = toWorkflow(graph, catalog)
    expect(file['version']).toBe(0.4)
    expect(file['last_link_id']).toBe(graph.links.size)
  })

  test('a seed is followed by what becomes of it', () => {
    const file = toWorkflow(graph, catalog) as unknown as {
      nodes: { type: string; widgets_values: Json[] }[]
    }
    const sampler = file.nodes.find((node) => node.type === 'KSampler')
    expect(sampler?.widgets_values).toEqual([7, 'randomize', 12, 6.5, 'euler', 'karras', 1])
  })

  test('values are read by position where a file has no names', () => {
    const node = { id: 3, type: 'EmptyLatentImage', pos: [0, 0], widgets_values: [64, 128, 2] }
    const read = fromWorkflow({ nodes: [node], links: [], version: 0.4 }, catalog, '')
    expect(read.nodes.get('3')?.params).toEqual({ width: 64, height: 128, batch_size: 2 })
  })

  test('an unknown node is kept with all that its file says', () => {
    const node = { id: 5, type: 'FutureNode', pos: [10, 20], widgets_values: [1, 'a'], extra: true }
    const read = fromWorkflow({ nodes: [node], links: [], version: 0.4 }, catalog, '')
    expect(JSON.stringify(toWorkflow(read, catalog))).toContain('"extra":true')
  })
})

describe('files that are dropped', () => {
  const encoder = new TextEncoder()

  /** A PNG's signature with text chunks; readers of text need no more. */
  function pngWith(texts: Readonly<Record<string, string>>): Uint8Array {
    const bytes = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    for (const [keyword, text] of Object.entries(texts)) {
      const body = [...encoder.encode(keyword), 0, ...encoder.encode(text)]
      bytes.push((body.length >> 24) & 255, (body.length >> 16) & 255, (body.length >> 8) & 255)
      bytes.push(body.length & 255, ...encoder.encode('tEXt'), ...body, 0, 0, 0, 0)
    }
    return new Uint8Array(bytes)
  }

  test('a PNG gives its workflow', () => {
    const png = pngWith({ workflow: JSON.stringify(toWorkflow(graph, catalog)) })
    const opened = openPng(png, catalog, 'p')
    expect(opened && bare(toPrompt(opened, catalog))).toEqual(PROMPT)
  })

  test('a PNG with a prompt alone gives that', () => {
    expect(openPng(pngWith({ prompt: JSON.stringify(PROMPT) }), catalog, 'p')?.nodes.size).toBe(7)
  })

  test('a PNG without a graph gives none', () => {
    expect(openPng(pngWith({ Software: 'paint' }), catalog, 'p')).toBeNull()
  })

  test('a torn PNG gives none', () => {
    const png = pngWith({ prompt: JSON.stringify(PROMPT) })
    expect(openPng(png.subarray(0, 60), catalog, 'p')).toBeNull()
  })

  test('what is no JSON holds no graph', () => {
    expect(openText('not json', catalog, '')).toBeNull()
  })
})
