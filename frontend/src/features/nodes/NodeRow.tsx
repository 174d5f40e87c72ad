import { memo } from 'react'

import type { FormRow } from '@/domain/catalog/form'
import type { GraphNode } from '@/domain/graph/types'

import { ParamRow } from './ParamRow'

interface Props {
  readonly node: GraphNode
  readonly row: FormRow
  readonly fault: string | null
}

/** One row: two port labels, or an input with its editor. */
export const NodeRow = memo(function NodeRow({ node, row, fault }: Props) {
  if (row.input) return <ParamRow node={node} row={row} input={row.input} fault={fault} />
  return (
    <div
      className="node-row node-row-ports"
      data-fault={fault !== null || undefined}
      title={fault ?? undefined}
      style={{ height: row.height }}
    >
      <span className="port-label">{row.inPort?.name}</span>
      <span className="port-label">{row.outPort?.name}</span>
    </div>
  )
})
