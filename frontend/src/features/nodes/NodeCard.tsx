import { memo, type ComponentType } from 'react'

import { formOf, type Port } from '@/domain/catalog/form'
import type { NodeId } from '@/domain/graph/types'
import { useNodeStatus } from '@/features/runs'
import { useCatalog, useNode } from '@/features/session'
import { text } from '@/shared/messages'

import { NodeMedia } from './NodeMedia'
import { NodeRow } from './NodeRow'
import { NodeTitle } from './NodeTitle'

export interface PortProps {
  readonly node: NodeId
  readonly port: Port
  /** Ports of inputs that can be edited as well step back until they are needed. */
  readonly isQuiet: boolean
}

interface Props {
  readonly id: NodeId
  /** What links are drawn from and to: the canvas knows how. */
  readonly PortView: ComponentType<PortProps>
}

/** One node: title, progress, rows of constant height, and its picture. */
export const NodeCard = memo(function NodeCard({ id, PortView }: Props) {
  const node = useNode(id)
  const catalog = useCatalog()
  const status = useNodeStatus(id)
  if (!node) return null

  const form = formOf(node, catalog)
  const type = catalog.types.get(node.type)
  const title = node.title ?? type?.title ?? node.type
  const rowFaults = new Map(status.faults.map((fault) => [fault.input, fault.message]))
  const inRows = new Set(form.inputs.map((port) => port.name))
  const general = status.faults.filter((fault) => fault.input === null || !inRows.has(fault.input))
  return (
    <article
      className="node"
      aria-label={title}
      data-testid={`node-${node.type}`}
      data-node-id={id}
      data-state={status.state}
      data-mode={node.mode}
      data-missing={form.isMissing || undefined}
      style={{ width: form.width }}
    >
      <NodeTitle node={node} title={title} type={type ?? null} status={status} />
      <div className="node-rows">
        {form.rows.map((row) => (
          <NodeRow
            key={row.key}
            node={node}
            row={row}
            fault={rowFaults.get(row.input?.name ?? row.inPort?.name ?? '') ?? null}
          />
        ))}
        {form.isMissing && <p className="node-note">{text.nodes.missing}</p>}
        {general.map((fault) => (
          <p key={fault.message} className="node-fault" role="alert">
            {fault.message}
          </p>
        ))}
      </div>
      <NodeMedia node={node} form={form} title={title} />
      {form.rows.flatMap((row) =>
        [row.inPort, row.outPort].map(
          (port) =>
            port && (
              <PortView
                key={`${port.side}/${port.name}/${String(port.slot)}`}
                node={id}
                port={port}
                isQuiet={row.kind !== 'ports'}
              />
            ),
        ),
      )}
    </article>
  )
})
