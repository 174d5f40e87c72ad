import { useInternalNode, type ConnectionLineComponentProps } from '@xyflow/react'

import { findPort } from '@/domain/connections/gestures'
import { socketStyle } from '@/features/nodes'
import { useStudio, useView } from '@/features/session'

import { HANDLE_PX } from './handles'
import { linkPath } from './path'
import type { FlowNode } from './useFlowNodes'

const INSET = HANDLE_PX / 2

/** The link that is being drawn. One that was pulled off an input still begins at its source. */
export function DragLine({ fromX, fromY, toX, toY }: ConnectionLineComponentProps<FlowNode>) {
  const { session, catalog } = useStudio()
  const drag = useView((view) => view.drag)
  const source = useInternalNode(drag?.from.node ?? '')
  if (!drag) return null

  const port = findPort(session.graph.getSnapshot(), catalog, drag.from)
  const isFromInput = drag.from.side === 'in'
  const origin = source?.internals.positionAbsolute
  const start =
    drag.detached && origin && port
      ? { x: origin.x + (source.measured.width ?? 0), y: origin.y + port.y }
      : { x: fromX + (isFromInput ? INSET : -INSET), y: fromY }
  const path = isFromInput
    ? linkPath(toX, toY, start.x, start.y)
    : linkPath(start.x, start.y, toX, toY)
  return (
    <g className="link link-drawn" style={socketStyle(drag.type)}>
      <path className="link-line" d={path} />
      <circle className="link-end" cx={toX} cy={toY} r={4} />
    </g>
  )
}
