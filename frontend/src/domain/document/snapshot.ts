// The document as an immutable graph, kept up to date: what did not change keeps its identity.
import * as Y from 'yjs'

import { compareIds } from '../graph/ids'
import { asJsonObject, asText } from '../graph/json'
import {
  SEED_MODES,
  type Graph,
  type GraphNode,
  type Json,
  type JsonObject,
  type Link,
  type NodeId,
  type NodeMode,
  type SeedMode,
} from '../graph/types'
import { valuesOf, type NodeMap, type WorkflowDocument } from './document'

export interface GraphStore {
  readonly getSnapshot: () => Graph
  readonly subscribe: (listener: () => void) => () => void
}

/** Follows `document` for as long as it lives. */
export function observeGraph(document: WorkflowDocument): GraphStore {
  let graph = readGraph(document)
  const listeners = new Set<() => void>()
  document.doc.on('afterTransaction', (transaction: Y.Transaction) => {
    if (transaction.changed.size === 0) return
    graph = readGraph(document, graph, touchedNodes(document, transaction))
    for (const listener of listeners) listener()
  })
  return {
    getSnapshot: () => graph,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The whole graph; nodes outside `touched` are taken from `before`. */
export function readGraph(
  document: WorkflowDocument,
  before?: Graph,
  touched?: ReadonlySet<NodeId>,
): Graph {
  const ids = [...document.nodes.keys()].sort(compareIds)
  const nodes = new Map<NodeId, GraphNode>()
  for (const id of ids) {
    const map = document.nodes.get(id)
    const kept = touched?.has(id) ? undefined : before?.nodes.get(id)
    if (map) nodes.set(id, kept ?? readNode(document, id, map))
  }
  return {
    title: asText(document.meta.get('title')) ?? '',
    nodes,
    links: readLinks(document, nodes, before),
    saved: readSaved(document.meta.get('saved')),
  }
}

/** Links whose ends are there: a node that one person deletes may be linked by another at the same time. */
function readLinks(
  document: WorkflowDocument,
  nodes: ReadonlyMap<NodeId, GraphNode>,
  before?: Graph,
): ReadonlyMap<string, Link> {
  const links = new Map<string, Link>()
  let isSame = before !== undefined
  for (const [key, link] of document.links) {
    if (!nodes.has(link.source) || !nodes.has(link.target)) continue
    links.set(key, link)
    isSame &&= before?.links.get(key) === link
  }
  return before && isSame && before.links.size === links.size ? before.links : links
}

function readNode(document: WorkflowDocument, id: NodeId, map: NodeMap): GraphNode {
  const [x, y] = document.layout.get(id) ?? [0, 0]
  return {
    id,
    type: asText(map.get('type')) ?? '',
    title: asText(map.get('title')),
    mode: readMode(map.get('mode')),
    params: Object.fromEntries(valuesOf(map, 'params')),
    seedModes: readSeedModes(valuesOf(map, 'seedModes')),
    saved: readSaved(map.get('saved')),
    position: { x, y },
  }
}

function readMode(value: unknown): NodeMode {
  return value === 'muted' || value === 'bypassed' ? value : 'active'
}

function readSeedModes(values: Y.Map<Json>): Readonly<Record<string, SeedMode>> {
  const modes: Record<string, SeedMode> = {}
  for (const [name, value] of values) {
    const mode = SEED_MODES.find((known) => known === value)
    if (mode) modes[name] = mode
  }
  return modes
}

function readSaved(value: unknown): JsonObject | null {
  return value ? asJsonObject(value) : null
}

/** Ids of nodes whose values or position the transaction changed. */
function touchedNodes(document: WorkflowDocument, transaction: Y.Transaction): ReadonlySet<NodeId> {
  const touched = new Set<NodeId>()
  for (const [shared, keys] of transaction.changed as Map<unknown, Set<string | null>>) {
    if (shared === document.nodes || shared === document.layout) {
      for (const key of keys) if (key !== null) touched.add(key)
    }
    for (const id of shared instanceof Y.Map ? ownersOf(document, shared) : []) touched.add(id)
  }
  return touched
}

/** The node that a map of values belongs to: the topmost key on the way to it. */
function ownersOf(
  document: WorkflowDocument,
  shared: { readonly _item: Y.Item | null },
): readonly NodeId[] {
  const path: unknown[] = []
  for (let item = shared._item; item; item = parentItem(item)) path.unshift(item.parentSub)
  const [id] = path
  return typeof id === 'string' && document.nodes.has(id) ? [id] : []
}

function parentItem(item: Y.Item): Y.Item | null {
  return item.parent instanceof Y.AbstractType ? item.parent._item : null
}
