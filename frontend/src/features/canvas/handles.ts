// Between our ports and xyflow's handles.
import { Position as Side, type NodeHandle } from '@xyflow/react'

import type { NodeForm, Port } from '@/domain/catalog/form'
import type { PortRef } from '@/domain/connections/gestures'

/** What a pointer can hit; the dot inside is smaller. */
export const HANDLE_PX = 24
const IN = 'in:'
const OUT = 'out:'

export function handleIdOf(port: Port): string {
  return port.side === 'in' ? inputHandle(port.name) : outputHandle(port.slot)
}

export function inputHandle(name: string): string {
  return IN + name
}

export function outputHandle(slot: number): string {
  return OUT + String(slot)
}

export function portRefOf(node: string, handleId: string): PortRef {
  return handleId.startsWith(IN)
    ? { side: 'in', node, input: handleId.slice(IN.length) }
    : { side: 'out', node, output: Number(handleId.slice(OUT.length)) }
}

/** Declared, so that xyflow need not draw a node to know where its links end. */
export function handlesOf(form: NodeForm): NodeHandle[] {
  return [...form.inputs, ...form.outputs].map((port) => {
    const isIn = port.side === 'in'
    return {
      id: handleIdOf(port),
      type: isIn ? 'target' : 'source',
      position: isIn ? Side.Left : Side.Right,
      x: (isIn ? 0 : form.width) - HANDLE_PX / 2,
      y: port.y - HANDLE_PX / 2,
      width: HANDLE_PX,
      height: HANDLE_PX,
    }
  })
}
