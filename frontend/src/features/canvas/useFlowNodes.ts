// The graph's nodes as xyflow wants them. Nodes that did not change keep their identity, so they are not drawn again.
import type { Node, NodeChange } from '@xyflow/react'
import { useCallback, useMemo, useRef, useState } from 'react'

import { formOf, sizeOf } from '@/domain/catalog/form'
import type { Catalog } from '@/domain/catalog/types'
import { moveNodes } from '@/domain/document/operations'
import type { GraphNode, NodeId, Position, Size } from '@/domain/graph/types'
import { useCatalog, useGraphPart, useSession, useView } from '@/features/session'

import { handlesOf } from './handles'

export type FlowNode = Node<Record<string, never>, 'card'>

interface Built {
  readonly flow: FlowNode
  readonly node: GraphNode
  readonly catalog: Catalog
  readonly position: Position
  readonly isSelected: boolean
  readonly size: Size | undefined
}

const NO_DATA: Record<string, never> = {}

export function useFlowNodes() {
  const session = useSession()
  const catalog = useCatalog()
  const nodes = useGraphPart((graph) => graph.nodes)
  const selection = useView((view) => view.selection)
  const [dragged, setDragged] = useState<ReadonlyMap<NodeId, Position>>(new Map())
  const [sizes, setSizes] = useState<ReadonlyMap<NodeId, Size>>(new Map())
  const [cache] = useState(() => new Map<NodeId, Built>())
  const latest = useRef(dragged)

  const flowNodes = useMemo(() => {
    for (const id of cache.keys()) if (!nodes.has(id)) cache.delete(id)
    return [...nodes.values()].map((node) => {
      const next = {
        node,
        catalog,
        position: dragged.get(node.id) ?? node.position,
        isSelected: selection.has(node.id),
        size: sizes.get(node.id),
      }
      const before = cache.get(node.id)
      if (before && isSame(before, next)) return before.flow
      const flow = buildNode(next)
      cache.set(node.id, { ...next, flow })
      return flow
    })
  }, [nodes, catalog, dragged, selection, sizes, cache])

  const changeNodes = useCallback(
    (changes: readonly NodeChange<FlowNode>[]) => {
      const moved = positionsIn(changes)
      if (moved.size > 0) {
        latest.current = new Map([...latest.current, ...moved])
        setDragged(latest.current)
      }
      const measured = sizesIn(changes)
      if (measured.size > 0) setSizes((known) => new Map([...known, ...measured]))
      const selected = selectionAfter(session.view.getState().selection, changes)
      if (selected) session.view.setState({ selection: selected })
    },
    [session],
  )

  /** One write for the whole drag, so that it is one step of undo. */
  const dropNodes = useCallback(() => {
    if (latest.current.size > 0) moveNodes(session.document, latest.current)
    session.undo.seal()
    latest.current = new Map()
    setDragged(latest.current)
  }, [session])

  return { flowNodes, changeNodes, dropNodes }
}

function isSame(a: Omit<Built, 'flow'>, b: Omit<Built, 'flow'>): boolean {
  return (
    a.node === b.node &&
    a.catalog === b.catalog &&
    a.position === b.position &&
    a.isSelected === b.isSelected &&
    a.size === b.size
  )
}

function buildNode({ node, catalog, position, isSelected, size }: Omit<Built, 'flow'>): FlowNode {
  const form = formOf(node, catalog)
  return {
    id: node.id,
    type: 'card',
    position: { x: position.x, y: position.y },
    data: NO_DATA,
    selected: isSelected,
    measured: size ?? sizeOf(form, null),
    handles: handlesOf(form),
  }
}

function positionsIn(changes: readonly NodeChange<FlowNode>[]): ReadonlyMap<NodeId, Position> {
  return new Map(
    changes.flatMap((change): [NodeId, Position][] =>
      change.type === 'position' && change.position ? [[change.id, change.position]] : [],
    ),
  )
}

function sizesIn(changes: readonly NodeChange<FlowNode>[]): ReadonlyMap<NodeId, Size> {
  return new Map(
    changes.flatMap((change): [NodeId, Size][] =>
      change.type === 'dimensions' && change.dimensions ? [[change.id, change.dimensions]] : [],
    ),
  )
}

function selectionAfter(
  before: ReadonlySet<NodeId>,
  changes: readonly NodeChange<FlowNode>[],
): ReadonlySet<NodeId> | null {
  const selected = new Set(before)
  for (const change of changes) {
    if (change.type !== 'select') continue
    if (change.selected) selected.add(change.id)
    else selected.delete(change.id)
  }
  const isSameSet = selected.size === before.size && [...selected].every((id) => before.has(id))
  return isSameSet ? null : selected
}
