// What dragging from one port and dropping on another means.
import type { Catalog } from '../catalog/types'
import { formOf, type NodeForm, type Port } from '../catalog/form'
import type { Graph, InputRef, Link, NodeId } from '../graph/types'
import { linkInto } from '../graph/types'
import { areTypesCompatible } from './types'

export type PortRef =
  | { readonly side: 'in'; readonly node: NodeId; readonly input: string }
  | { readonly side: 'out'; readonly node: NodeId; readonly output: number }

/** A drag that has begun. With `detached` it holds the far end of a link that was pulled off an input. */
export interface Drag {
  readonly from: PortRef
  readonly type: string
  readonly detached: InputRef | null
}

export interface Change {
  readonly connect: Link | null
  readonly disconnect: InputRef | null
}

/** Dragging from a linked input takes its link along; from any other port it begins a new one. */
export function beginDrag(graph: Graph, catalog: Catalog, at: PortRef): Drag | null {
  const port = findPort(graph, catalog, at)
  if (!port) return null
  const link = at.side === 'in' ? linkInto(graph, at.node, at.input) : undefined
  if (!link) return { from: at, type: port.type, detached: null }
  const from: PortRef = { side: 'out', node: link.source, output: link.output }
  const source = findPort(graph, catalog, from)
  return {
    from,
    type: source?.type ?? '*',
    detached: { node: link.target, input: link.input },
  }
}

/** The change that dropping on `to` makes, or null where the drop does not fit. */
export function dropOn(graph: Graph, catalog: Catalog, drag: Drag, to: PortRef): Change | null {
  const link = linkBetween(drag.from, to)
  if (!link) return null
  const source = findPort(graph, catalog, { side: 'out', node: link.source, output: link.output })
  const target = findPort(graph, catalog, { side: 'in', node: link.target, input: link.input })
  if (!source || !target || !areTypesCompatible(source.type, target.type)) return null
  if (link.source === link.target || reaches(graph, link.target, link.source)) return null
  const stays = drag.detached?.node === link.target && drag.detached.input === link.input
  return { connect: link, disconnect: stays ? null : drag.detached }
}

/** The first port of `node` that the drag fits; unlinked inputs before linked ones. */
export function findFit(graph: Graph, catalog: Catalog, drag: Drag, node: NodeId): PortRef | null {
  const found = graph.nodes.get(node)
  if (!found) return null
  const refs = refsOf(node, formOf(found, catalog), drag.from.side === 'in' ? 'out' : 'in')
  const fitting = refs.filter((ref) => dropOn(graph, catalog, drag, ref))
  const isFree = (ref: PortRef) => ref.side === 'out' || !linkInto(graph, node, ref.input)
  return fitting.find(isFree) ?? fitting[0] ?? null
}

export function findPort(graph: Graph, catalog: Catalog, ref: PortRef): Port | undefined {
  const node = graph.nodes.get(ref.node)
  if (!node) return undefined
  const form = formOf(node, catalog)
  return ref.side === 'in'
    ? form.inputs.find((port) => port.name === ref.input)
    : form.outputs[ref.output]
}

function refsOf(node: NodeId, form: NodeForm, side: 'in' | 'out'): readonly PortRef[] {
  return side === 'in'
    ? form.inputs.map((port) => ({ side, node, input: port.name }))
    : form.outputs.map((port) => ({ side, node, output: port.slot }))
}

function linkBetween(a: PortRef, b: PortRef): Link | null {
  if (a.side === 'out' && b.side === 'in') {
    return { source: a.node, output: a.output, target: b.node, input: b.input }
  }
  return a.side === 'in' && b.side === 'out' ? linkBetween(b, a) : null
}

/** Whether data flows from `from` to `to`: linking `to` back to `from` would close a cycle. */
function reaches(graph: Graph, from: NodeId, to: NodeId): boolean {
  const seen = new Set<NodeId>()
  const open = [from]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === to) return true
    if (seen.has(node)) continue
    seen.add(node)
    for (const link of graph.links.values()) if (link.source === node) open.push(link.target)
  }
  return false
}
