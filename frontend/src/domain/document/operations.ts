// All changes of the document. Each is one transaction, so that each is one step of undo and one message.
import * as Y from 'yjs'

import type { Change } from '../connections/gestures'
import {
  linkKey,
  type Graph,
  type GraphNode,
  type InputRef,
  type Json,
  type Link,
  type NodeId,
  type NodeMode,
  type Position,
  type SeedMode,
} from '../graph/types'
import {
  BY_ME,
  BY_SYSTEM,
  mapFrom,
  valuesOf,
  type NodeMap,
  type Origin,
  type WorkflowDocument,
} from './document'

/** Puts a whole graph into an empty document; no step of undo. */
export function fillDocument(document: WorkflowDocument, graph: Graph): void {
  document.doc.transact(() => {
    document.meta.set('title', graph.title)
    document.meta.set('saved', graph.saved)
    for (const node of graph.nodes.values()) writeNode(document, node)
    for (const link of graph.links.values()) writeLink(document, link)
  }, BY_SYSTEM)
}

/** Adds nodes with the links among them, or to nodes that are there already. */
export function insertNodes(
  document: WorkflowDocument,
  nodes: readonly GraphNode[],
  links: readonly Link[],
): void {
  document.doc.transact(() => {
    for (const node of nodes) writeNode(document, node)
    for (const link of links) writeLink(document, link)
  }, BY_ME)
}

export function removeNodes(document: WorkflowDocument, ids: ReadonlySet<NodeId>): void {
  document.doc.transact(() => {
    for (const [key, link] of [...document.links]) {
      if (ids.has(link.source) || ids.has(link.target)) document.links.delete(key)
    }
    for (const id of ids) {
      document.nodes.delete(id)
      document.layout.delete(id)
    }
  }, BY_ME)
}

export function removeLinks(document: WorkflowDocument, keys: Iterable<string>): void {
  document.doc.transact(() => {
    for (const key of keys) document.links.delete(key)
  }, BY_ME)
}

/** Carries out what a drop means. */
export function applyChange(document: WorkflowDocument, change: Change): void {
  document.doc.transact(() => {
    if (change.disconnect) document.links.delete(linkKey(change.disconnect))
    if (change.connect) writeLink(document, change.connect)
  }, BY_ME)
}

export function setParam(
  document: WorkflowDocument,
  ref: InputRef,
  value: Json,
  origin: Origin = BY_ME,
): void {
  const node = document.nodes.get(ref.node)
  if (!node || valuesOf(node, 'params').get(ref.input) === value) return
  document.doc.transact(() => valuesOf(node, 'params').set(ref.input, value), origin)
}

export function setSeedMode(document: WorkflowDocument, ref: InputRef, mode: SeedMode): void {
  const node = document.nodes.get(ref.node)
  if (!node) return
  document.doc.transact(() => valuesOf(node, 'seedModes').set(ref.input, mode), BY_ME)
}

export function setMode(
  document: WorkflowDocument,
  ids: ReadonlySet<NodeId>,
  mode: NodeMode,
): void {
  document.doc.transact(() => {
    for (const id of ids) document.nodes.get(id)?.set('mode', mode)
  }, BY_ME)
}

/** An empty title gives the type's own back. */
export function renameNode(document: WorkflowDocument, id: NodeId, title: string): void {
  document.doc.transact(() => document.nodes.get(id)?.set('title', title.trim() || null), BY_ME)
}

export function renameWorkflow(
  document: WorkflowDocument,
  title: string,
  origin: Origin = BY_ME,
): void {
  if (document.meta.get('title') === title) return
  document.doc.transact(() => document.meta.set('title', title), origin)
}

/** Writes where nodes were dropped: once for each drag, whatever its length. */
export function moveNodes(
  document: WorkflowDocument,
  positions: ReadonlyMap<NodeId, Position>,
): void {
  document.doc.transact(() => {
    for (const [id, { x, y }] of positions) {
      if (document.nodes.has(id)) document.layout.set(id, [Math.round(x), Math.round(y)])
    }
  }, BY_ME)
}

function writeNode(document: WorkflowDocument, node: GraphNode): void {
  const map: NodeMap = new Y.Map()
  map.set('type', node.type)
  map.set('title', node.title)
  map.set('mode', node.mode)
  map.set('saved', node.saved)
  map.set('params', mapFrom(node.params))
  map.set('seedModes', mapFrom(node.seedModes))
  document.nodes.set(node.id, map)
  document.layout.set(node.id, [Math.round(node.position.x), Math.round(node.position.y)])
}

function writeLink(document: WorkflowDocument, link: Link): void {
  document.links.set(linkKey({ node: link.target, input: link.input }), link)
}
