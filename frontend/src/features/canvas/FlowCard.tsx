import type { NodeProps } from '@xyflow/react'
import { memo } from 'react'

import { NodeCard } from '@/features/nodes'

import { FlowPort } from './FlowPort'
import type { FlowNode } from './useFlowNodes'

/** A node on the canvas. */
export const FlowCard = memo(function FlowCard({ id }: NodeProps<FlowNode>) {
  return <NodeCard id={id} PortView={FlowPort} />
})
