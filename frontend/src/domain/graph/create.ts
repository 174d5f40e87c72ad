// New nodes.
import { defaultParams, isSeed, type Catalog, type NodeType } from '../catalog/types'
import { newNodeId } from './ids'
import type { Graph, GraphNode, JsonObject, Position, SeedMode } from './types'

/** A node of `type` with its defaults; `params` come on top of them. */
export function newNode(
  graph: Graph,
  type: NodeType,
  catalog: Catalog,
  position: Position,
  params: JsonObject = {},
): GraphNode {
  return {
    id: newNodeId((id) => graph.nodes.has(id)),
    type: type.name,
    title: null,
    mode: 'active',
    params: { ...defaultParams(type, catalog), ...params },
    seedModes: seedModesOf(type),
    saved: null,
    position,
  }
}

/** Seeds change after each run, until somebody locks them. */
export function seedModesOf(type: NodeType): Readonly<Record<string, SeedMode>> {
  const seeds = type.inputs.filter(isSeed)
  return Object.fromEntries(seeds.map((input): [string, SeedMode] => [input.name, 'randomize']))
}
