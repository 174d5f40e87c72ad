// Drawing links: xyflow follows the pointer, the domain says what a drop means.
import { useReactFlow, type FinalConnectionState, type OnConnectStart } from '@xyflow/react'
import { useCallback } from 'react'

import { beginDrag, dropOn, findFit, type Drag, type PortRef } from '@/domain/connections/gestures'
import { applyChange } from '@/domain/document/operations'
import type { Position } from '@/domain/graph/types'
import { useStudio, type Session } from '@/features/session'

import { portRefOf } from './handles'

export function useConnecting() {
  const { session, catalog } = useStudio()
  const { screenToFlowPosition } = useReactFlow()

  const startDrag: OnConnectStart = useCallback(
    (_event, { nodeId, handleId }) => {
      if (nodeId === null || handleId === null) return
      const drag = beginDrag(session.graph.getSnapshot(), catalog, portRefOf(nodeId, handleId))
      session.view.setState({ drag })
    },
    [session, catalog],
  )

  const endDrag = useCallback(
    (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
      const { drag } = session.view.getState()
      session.view.setState({ drag: null })
      if (!drag) return
      const graph = session.graph.getSnapshot()
      const node = state.toNode?.id ?? nodeUnder(event)
      const to = handleRef(state) ?? (node === null ? null : findFit(graph, catalog, drag, node))
      const change = to && dropOn(graph, catalog, drag, to)
      if (change) applyChange(session.document, change)
      else if (!to && node === null) dropInVoid(session, drag, pointOf(event), screenToFlowPosition)
      session.undo.seal()
    },
    [session, catalog, screenToFlowPosition],
  )

  return { startDrag, endDrag }
}

function handleRef({ toHandle }: FinalConnectionState): PortRef | null {
  return toHandle?.id ? portRefOf(toHandle.nodeId, toHandle.id) : null
}

/** A link pulled off its input goes; a new one asks what it shall lead to. */
function dropInVoid(
  session: Session,
  drag: Drag,
  screen: Position,
  toFlow: (screen: Position) => Position,
): void {
  if (drag.detached) {
    applyChange(session.document, { connect: null, disconnect: drag.detached })
  } else {
    session.view.setState({ palette: { screen, flow: toFlow(screen), drag } })
  }
}

function pointOf(event: MouseEvent | TouchEvent): Position {
  const point = 'changedTouches' in event ? event.changedTouches[0] : event
  return { x: point?.clientX ?? 0, y: point?.clientY ?? 0 }
}

function nodeUnder(event: MouseEvent | TouchEvent): string | null {
  const { x, y } = pointOf(event)
  const card = document.elementFromPoint(x, y)?.closest('[data-node-id]')
  return card?.getAttribute('data-node-id') ?? null
}
