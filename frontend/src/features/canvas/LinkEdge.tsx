import type { EdgeProps } from '@xyflow/react'
import { memo } from 'react'

import { socketStyle } from '@/features/nodes'
import { useNodeStatus } from '@/features/runs'

import { HANDLE_PX } from './handles'
import { linkPath } from './path'
import type { FlowEdge } from './useFlowEdges'

const INSET = HANDLE_PX / 2

/** A link in its type's colour; a dot moves along while the node at its end is at work. */
export const LinkEdge = memo(function LinkEdge(props: EdgeProps<FlowEdge>) {
  const { target, sourceX, sourceY, targetX, targetY, data } = props
  const { state } = useNodeStatus(target)
  // xyflow ends links at the outer edge of a handle; ours end at its centre, on the node's border.
  const path = linkPath(sourceX - INSET, sourceY, targetX + INSET, targetY)
  return (
    <g className="link" style={socketStyle(data?.socket ?? '*')}>
      <path className="link-hit react-flow__edge-interaction" d={path} />
      <path className="link-line" d={path} />
      {state === 'running' && (
        <circle className="link-flow" r={3.5} style={{ offsetPath: `path("${path}")` }} />
      )}
    </g>
  )
})
