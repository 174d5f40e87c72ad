import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'

import { fromPrompt } from '../formats/fromPrompt'
import { toPrompt } from '../formats/prompt'
import type { Graph } from '../graph/types'
import { PROMPT, realCatalog } from '../testing/catalog'
import { copyNodes, readClipboard, renewFragment, writeClipboard } from './clipboard'
import { BY_SYSTEM, createDocument, type WorkflowDocument } from './document'
import {
  fillDocument,
  insertNodes,
  moveNodes,
  removeLinks,
  removeNodes,
  setParam,
} from './operations'
import { observeGraph } from './snapshot'
import { createUndo } from './undo'

const catalog = realCatalog()
const graph = fromPrompt(PROMPT, catalog, 'Text to image')

function open(): { document: WorkflowDocument; read: () => Graph } {
  const document = createDocument()
  fillDocument(document, graph)
  return { document, read: observeGraph(document).getSnapshot }
}

const SEED = { node: '5', input: 'seed' }

describe('operations', () => {
  test('a document holds the graph that it was filled with', () => {
    expect(toPrompt(open().read(), catalog)).toEqual(toPrompt(graph, catalog))
  })

  test('removing a node removes its links', () => {
    const { document, read } = open()
    removeNodes(document, new Set(['5']))
    expect([...read().links.values()].some((l) => l.source === '5' || l.target === '5')).toBe(false)
  })

  test('removing a link leaves the nodes', () => {
    const { document, read } = open()
    removeLinks(document, ['5:model'])
    expect(read().nodes.size).toBe(7)
    expect(read().links.has('5:model')).toBe(false)
  })

  test('nodes that do not change stay the same objects, so that only changed cards draw again', () => {
    const { document, read } = open()
    const before = read().nodes.get('7')
    setParam(document, SEED, 8)
    expect(read().nodes.get('7')).toBe(before)
  })
})

describe('undo', () => {
  test('takes back one gesture at a time', () => {
    const { document, read } = open()
    const undo = createUndo(document)
    setParam(document, SEED, 8)
    undo.seal()
    moveNodes(document, new Map([['5', { x: 1, y: 2 }]]))
    undo.undo()
    expect(read().nodes.get('5')?.params['seed']).toBe(8)
    undo.undo()
    expect(read().nodes.get('5')?.params['seed']).toBe(7)
  })

  test('brings a removed node back with its links', () => {
    const { document, read } = open()
    const undo = createUndo(document)
    removeNodes(document, new Set(['5']))
    undo.undo()
    expect(toPrompt(read(), catalog)).toEqual(toPrompt(graph, catalog))
  })

  test('redo does it again', () => {
    const { document, read } = open()
    const undo = createUndo(document)
    setParam(document, SEED, 8)
    undo.undo()
    undo.redo()
    expect(read().nodes.get('5')?.params['seed']).toBe(8)
  })

  test('leaves alone what the system changed', () => {
    const { document, read } = open()
    const undo = createUndo(document)
    setParam(document, SEED, 99, BY_SYSTEM)
    undo.undo()
    expect(read().nodes.get('5')?.params['seed']).toBe(99)
  })
})

describe('two people at once', () => {
  test('converge, with one link for each input', () => {
    const { document: mine } = open()
    const theirs = createDocument()
    Y.applyUpdate(theirs.doc, Y.encodeStateAsUpdate(mine.doc))
    insertNodes(mine, [], [{ source: '2', output: 0, target: '5', input: 'negative' }])
    insertNodes(theirs, [], [{ source: '3', output: 0, target: '5', input: 'negative' }])
    Y.applyUpdate(theirs.doc, Y.encodeStateAsUpdate(mine.doc))
    Y.applyUpdate(mine.doc, Y.encodeStateAsUpdate(theirs.doc))
    const [a, b] = [observeGraph(mine).getSnapshot(), observeGraph(theirs).getSnapshot()]
    expect(a.links.get('5:negative')).toEqual(b.links.get('5:negative'))
    expect(a.links.size).toBe(graph.links.size)
  })
})

describe('the clipboard', () => {
  test('gives copies with ids of their own and the links among them', () => {
    const copied = readClipboard(writeClipboard(copyNodes(graph, new Set(['5', '6']))))
    if (!copied) throw new Error('nothing was copied')
    const { nodes, links } = renewFragment(copied, graph, { x: 30, y: 30 })
    expect(nodes.map((node) => graph.nodes.has(node.id))).toEqual([false, false])
    expect(links).toHaveLength(1)
  })

  test('leaves other text alone', () => {
    expect(readClipboard('a prompt that somebody copied')).toBeNull()
  })
})
