// The document: one Y.Doc for each workflow. Only ./operations.ts writes it; others read snapshots.
import * as Y from 'yjs'

import type { Json, JsonObject, Link, SeedMode } from '../graph/types'

/** Changes by this person: what undo undoes. */
export const BY_ME = 'me'
/** Changes that follow from a run or from opening a file: undo leaves them alone. */
export const BY_SYSTEM = 'system'
export type Origin = typeof BY_ME | typeof BY_SYSTEM

/** type, title, mode, saved: plain values; params and seedModes: maps of their own, so that edits merge. */
export type NodeMap = Y.Map<Json | Y.Map<Json>>

export interface WorkflowDocument {
  readonly doc: Y.Doc
  readonly nodes: Y.Map<NodeMap>
  /** Keyed by the input, so that an input has one link even when two people connect it at once. */
  readonly links: Y.Map<Link>
  /** Positions, written whole and once for each drop. */
  readonly layout: Y.Map<readonly [number, number]>
  readonly meta: Y.Map<Json>
}

export function createDocument(): WorkflowDocument {
  const doc = new Y.Doc()
  return {
    doc,
    nodes: doc.getMap('nodes'),
    links: doc.getMap('links'),
    layout: doc.getMap('layout'),
    meta: doc.getMap('meta'),
  }
}

/** A node's map of values, which every node has from its birth. */
export function valuesOf(node: NodeMap, name: 'params' | 'seedModes'): Y.Map<Json> {
  const found = node.get(name)
  if (found instanceof Y.Map) return found
  throw new Error(`a node of the document has no ${name}`)
}

export function mapFrom(values: JsonObject | Readonly<Record<string, SeedMode>>): Y.Map<Json> {
  return new Y.Map(Object.entries(values))
}
