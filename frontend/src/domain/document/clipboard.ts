// Copies of nodes: what the clipboard holds, and how it comes back in.
import { newNodeId } from '../graph/ids'
import { parseJson, isObject, isArray } from '../graph/json'
import type { Graph, GraphNode, Link, NodeId, Position } from '../graph/types'

const KIND = 'atelier/nodes'

export interface Fragment {
  readonly nodes: readonly GraphNode[]
  /** Links among the nodes. */
  readonly links: readonly Link[]
}

export function copyNodes(graph: Graph, ids: ReadonlySet<NodeId>): Fragment {
  return {
    nodes: [...graph.nodes.values()].filter((node) => ids.has(node.id)),
    links: [...graph.links.values()].filter((link) => ids.has(link.source) && ids.has(link.target)),
  }
}

/** The fragment with ids of its own, moved by `offset`. */
export function renewFragment(
  fragment: Fragment,
  graph: Graph,
  offset: Position,
  random: () => number = Math.random,
): Fragment {
  const taken = new Set(graph.nodes.keys())
  const renamed = new Map<NodeId, NodeId>()
  for (const node of fragment.nodes) {
    const id = newNodeId((candidate) => taken.has(candidate), random)
    taken.add(id)
    renamed.set(node.id, id)
  }
  const renew = (id: NodeId) => renamed.get(id) ?? id
  return {
    nodes: fragment.nodes.map((node) => ({
      ...node,
      id: renew(node.id),
      position: { x: node.position.x + offset.x, y: node.position.y + offset.y },
    })),
    links: fragment.links.map((link) => ({
      ...link,
      source: renew(link.source),
      target: renew(link.target),
    })),
  }
}

export function writeClipboard(fragment: Fragment): string {
  return JSON.stringify({ kind: KIND, ...fragment })
}

/** Null for text that is no copy of nodes. */
export function readClipboard(text: string): Fragment | null {
  if (!text.startsWith('{')) return null
  const parsed = parseJson(text)
  if (!isObject(parsed) || parsed['kind'] !== KIND) return null
  if (!isArray(parsed['nodes']) || !isArray(parsed['links'])) return null
  return { nodes: parsed['nodes'] as GraphNode[], links: parsed['links'] as Link[] }
}
