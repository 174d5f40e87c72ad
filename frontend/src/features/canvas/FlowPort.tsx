import { Handle, Position as Side } from '@xyflow/react'
import { useMemo } from 'react'

import { dropOn, type Drag, type PortRef } from '@/domain/connections/gestures'
import type { Graph } from '@/domain/graph/types'
import type { Catalog } from '@/domain/catalog/types'
import { socketStyle, type PortProps } from '@/features/nodes'
import { useGraphPart, useLinkInto, useStudio, useView } from '@/features/session'
import { text } from '@/shared/messages'

import { handleIdOf, portRefOf } from './handles'

type Fit = 'none' | 'yes' | 'no'

/** One port: a dot in a larger target. While a link is drawn it says whether the link fits. */
export function FlowPort({ node, port, isQuiet }: PortProps) {
  const { session, catalog } = useStudio()
  const drag = useView((view) => view.drag)
  const id = handleIdOf(port)
  const isIn = port.side === 'in'
  const hasLink = useHasLink(node, port.side, port.name, port.slot)
  const fit = useMemo(
    () => fitOf(session.graph.getSnapshot(), catalog, drag, portRefOf(node, id)),
    [session, catalog, drag, node, id],
  )
  const shape =
    port.type === '*' ? 'any' : port.isList ? 'list' : port.isOptional ? 'optional' : 'one'
  const describe = isIn ? text.nodes.inputPort : text.nodes.outputPort
  return (
    <Handle
      id={id}
      type={isIn ? 'target' : 'source'}
      position={isIn ? Side.Left : Side.Right}
      className="port"
      style={{ ...socketStyle(port.type), top: port.y }}
      aria-label={describe(port.name, port.type)}
      title={`${port.name} · ${port.type}`}
      data-testid={`port-${port.side}-${port.name}`}
      data-shape={shape}
      data-fit={fit}
      data-quiet={isQuiet || undefined}
      data-linked={hasLink || undefined}
    />
  )
}

function fitOf(graph: Graph, catalog: Catalog, drag: Drag | null, ref: PortRef): Fit {
  if (!drag) return 'none'
  const isStart = drag.from.node === ref.node && drag.from.side === ref.side
  if (isStart && JSON.stringify(drag.from) === JSON.stringify(ref)) return 'none'
  return dropOn(graph, catalog, drag, ref) ? 'yes' : 'no'
}

function useHasLink(node: string, side: 'in' | 'out', name: string, slot: number): boolean {
  const into = useLinkInto(node, name)
  const out = useGraphPart(({ links }) => {
    if (side === 'in') return false
    for (const link of links.values()) if (link.source === node && link.output === slot) return true
    return false
  })
  return side === 'in' ? into !== undefined : out
}
