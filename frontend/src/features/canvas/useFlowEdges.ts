// The graph's links as xyflow's edges.
import type { Edge, EdgeChange } from '@xyflow/react'
import { useCallback, useMemo, useState } from 'react'

import { formOf } from '@/domain/catalog/form'
import type { Catalog } from '@/domain/catalog/types'
import { removeLinks } from '@/domain/document/operations'
import type { Graph, Link } from '@/domain/graph/types'
import { useCatalog, useGraph, useSession, useView } from '@/features/session'

import { inputHandle, outputHandle } from './handles'

export type FlowEdge = Edge<{ readonly socket: string }, 'link'>

export function useFlowEdges() {
  const session = useSession()
  const graph = useGraph()
  const catalog = useCatalog()
  const detached = useView((view) => view.drag?.detached ?? null)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const { links, nodes } = graph

  const flowEdges = useMemo(
    () =>
      [...links]
        .filter(([, link]) => link.target !== detached?.node || link.input !== detached.input)
        .map(([key, link]) => buildEdge(key, link, nodes, catalog, selected.has(key))),
    [links, nodes, catalog, detached, selected],
  )

  const changeEdges = useCallback(
    (changes: readonly EdgeChange<FlowEdge>[]) => {
      const removed = changes.flatMap((change) => (change.type === 'remove' ? [change.id] : []))
      if (removed.length > 0) {
        removeLinks(session.document, removed)
        session.undo.seal()
      }
      setSelected((before) => {
        const next = new Set(before)
        for (const change of changes) {
          if (change.type === 'select' && change.selected) next.add(change.id)
          if (change.type === 'select' && !change.selected) next.delete(change.id)
        }
        return next
      })
    },
    [session],
  )
  return { flowEdges, changeEdges, selectedEdges: selected }
}

function buildEdge(
  key: string,
  link: Link,
  nodes: Graph['nodes'],
  catalog: Catalog,
  isSelected: boolean,
): FlowEdge {
  const source = nodes.get(link.source)
  const socket = source ? formOf(source, catalog).outputs[link.output]?.type : undefined
  return {
    id: key,
    type: 'link',
    source: link.source,
    sourceHandle: outputHandle(link.output),
    target: link.target,
    targetHandle: inputHandle(link.input),
    data: { socket: socket ?? '*' },
    selected: isSelected,
  }
}
