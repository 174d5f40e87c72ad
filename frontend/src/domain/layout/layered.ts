// Layered layout: data flows from left to right, columns by depth, order inside a column by neighbours.
import { formOf, sizeOf } from '../catalog/form'
import type { Catalog } from '../catalog/types'
import { compareIds } from '../graph/ids'
import type { Graph, NodeId, Position, Size } from '../graph/types'

const COLUMN_GAP = 88
const ROW_GAP = 36
const SWEEPS = 4

/** The same graph with every node placed; the first column begins at x = 0. */
export function layOutGraph(graph: Graph, catalog: Catalog): Graph {
  const sizes = new Map(
    [...graph.nodes.values()].map((node) => [node.id, sizeOf(formOf(node, catalog), null)]),
  )
  const neighbours = indexNeighbours(graph)
  const columns = orderColumns(assignColumns(graph, neighbours), neighbours)
  const positions = placeColumns(columns, sizes)
  return {
    ...graph,
    nodes: new Map(
      [...graph.nodes].map(([id, node]) => [
        id,
        { ...node, position: positions.get(id) ?? node.position },
      ]),
    ),
  }
}

interface Neighbours {
  readonly sources: ReadonlyMap<NodeId, readonly NodeId[]>
  readonly targets: ReadonlyMap<NodeId, readonly NodeId[]>
}

function indexNeighbours(graph: Graph): Neighbours {
  const sources = new Map<NodeId, NodeId[]>()
  const targets = new Map<NodeId, NodeId[]>()
  for (const link of graph.links.values()) {
    sources.set(link.target, [...(sources.get(link.target) ?? []), link.source])
    targets.set(link.source, [...(targets.get(link.source) ?? []), link.target])
  }
  return { sources, targets }
}

/** Column = longest way from a source; a node without inputs then moves right up to the first that needs it. */
function assignColumns(graph: Graph, { sources, targets }: Neighbours): NodeId[][] {
  const depth = new Map<NodeId, number>()
  const visiting = new Set<NodeId>()
  const depthOf = (id: NodeId): number => {
    const known = depth.get(id)
    if (known !== undefined || visiting.has(id)) return known ?? 0
    visiting.add(id)
    const found = Math.max(-1, ...(sources.get(id) ?? []).map(depthOf)) + 1
    visiting.delete(id)
    depth.set(id, found)
    return found
  }
  const columns: NodeId[][] = []
  for (const id of [...graph.nodes.keys()].sort(compareIds)) depthOf(id)
  for (const id of [...graph.nodes.keys()].sort(compareIds)) {
    const next = (targets.get(id) ?? []).map(depthOf)
    const isSource = !sources.has(id) && next.length > 0
    const column = isSource ? Math.max(0, Math.min(...next) - 1) : depthOf(id)
    const members = columns[column] ?? []
    columns[column] = [...members, id]
  }
  return Array.from(columns, (members: NodeId[] | undefined) => members ?? [])
}

/** Sweeps back and forth, sorting each column by the mean place of its neighbours. */
function orderColumns(columns: readonly NodeId[][], neighbours: Neighbours): NodeId[][] {
  const ordered = columns.map((column) => [...column])
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForward = sweep % 2 === 0
    const places = placesOf(ordered)
    const links = isForward ? neighbours.sources : neighbours.targets
    for (const column of isForward ? ordered : [...ordered].reverse()) {
      sortByMean(column, places, links)
      column.forEach((id, index) => places.set(id, index / column.length))
    }
  }
  return ordered
}

function placesOf(columns: readonly NodeId[][]): Map<NodeId, number> {
  return new Map(
    columns.flatMap((column) =>
      column.map((id, index): [NodeId, number] => [id, index / column.length]),
    ),
  )
}

function sortByMean(
  column: NodeId[],
  places: ReadonlyMap<NodeId, number>,
  links: ReadonlyMap<NodeId, readonly NodeId[]>,
): void {
  const mean = (id: NodeId): number => {
    const near = (links.get(id) ?? []).map((other) => places.get(other) ?? 0)
    if (near.length === 0) return places.get(id) ?? 0
    return near.reduce((sum, place) => sum + place, 0) / near.length
  }
  const keys = new Map(column.map((id) => [id, mean(id)]))
  column.sort((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0) || compareIds(a, b))
}

/** Columns side by side, each centred on the tallest. */
function placeColumns(
  columns: readonly NodeId[][],
  sizes: ReadonlyMap<NodeId, Size>,
): ReadonlyMap<NodeId, Position> {
  const heightOf = (id: NodeId) => sizes.get(id)?.height ?? 0
  const heights = columns.map(
    (column) => column.reduce((sum, id) => sum + heightOf(id) + ROW_GAP, 0) - ROW_GAP,
  )
  const tallest = Math.max(0, ...heights)
  const positions = new Map<NodeId, Position>()
  let x = 0
  columns.forEach((column, index) => {
    let y = Math.round((tallest - (heights[index] ?? 0)) / 2)
    for (const id of column) {
      positions.set(id, { x, y })
      y += heightOf(id) + ROW_GAP
    }
    x += Math.max(0, ...column.map((id) => sizes.get(id)?.width ?? 0)) + COLUMN_GAP
  })
  return positions
}
