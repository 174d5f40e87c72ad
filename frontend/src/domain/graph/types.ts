// The graph as plain values: what snapshots of a document look like and what formats are read into.

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = Readonly<Record<string, Json>>

export type NodeId = string
export type NodeMode = 'active' | 'muted' | 'bypassed'

/** What happens to a seed after each run. */
export type SeedMode = 'randomize' | 'fixed' | 'increment' | 'decrement'
export const SEED_MODES: readonly SeedMode[] = ['randomize', 'fixed', 'increment', 'decrement']

export interface Position {
  readonly x: number
  readonly y: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

export interface InputRef {
  readonly node: NodeId
  readonly input: string
}

/** One link; there is at most one for each input. `output` is the position of the source's port. */
export interface Link {
  readonly source: NodeId
  readonly output: number
  readonly target: NodeId
  readonly input: string
}

export interface GraphNode {
  readonly id: NodeId
  readonly type: string
  readonly title: string | null
  readonly mode: NodeMode
  readonly params: JsonObject
  readonly seedModes: Readonly<Record<string, SeedMode>>
  /** The node's object in the file that it came from: what we do not understand goes back as it was. */
  readonly saved: JsonObject | null
  readonly position: Position
}

export interface Graph {
  readonly title: string
  readonly nodes: ReadonlyMap<NodeId, GraphNode>
  /** Keyed by `linkKey`. */
  readonly links: ReadonlyMap<string, Link>
  /** The root of the file that the graph came from, without nodes and links. */
  readonly saved: JsonObject | null
}

export function linkKey(ref: InputRef): string {
  return `${ref.node}:${ref.input}`
}

export function linkInto(graph: Graph, node: NodeId, input: string): Link | undefined {
  return graph.links.get(linkKey({ node, input }))
}

/** A graph made of its parts. Links to nodes that are not there are left out. */
export function makeGraph(parts: {
  title: string
  nodes: readonly GraphNode[]
  links: readonly Link[]
  saved?: JsonObject | null
}): Graph {
  const nodes = new Map(parts.nodes.map((node) => [node.id, node]))
  const whole = parts.links.filter((link) => nodes.has(link.source) && nodes.has(link.target))
  return {
    title: parts.title,
    nodes,
    links: new Map(whole.map((link) => [linkKey({ node: link.target, input: link.input }), link])),
    saved: parts.saved ?? null,
  }
}
