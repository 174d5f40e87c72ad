// Drawing links: xyflow follows the pointer, the domain says what a drop means.
import { useReactFlow, type FinalConnectionState, type OnConnectStart } from '@xyflow/react'
import { useCallback } from 'react'

import { beginDrag, dropOn, findFit, type Drag, type PortRef } from '@/domain/connections/gestures'
import { applyChange } from '@/domain/document/operations'
import { useStudio } from '@/features/session'

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
      const handle = state.toHandle
      const node = state.toNode?.id ?? nodeUnder(event)
      const to = handle?.id ? portRefOf(handle.nodeId, handle.id) : fitOf(drag, node)
      const change = to && dropOn(graph, catalog, drag, to)
      if (change) applyChange(session.document, change)
      else if (!to && node === null) dropInVoid(event, drag)
      session.undo.seal()
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the helpers below depend on the same two
    [session, catalog],
  )

  const fitOf = (drag: Drag, node: string | null): PortRef | null =>
    node === null ? null : findFit(session.graph.getSnapshot(), catalog, drag, node)

  /** A link pulled off its input goes; a new one asks what it shall lead to. */
  const dropInVoid = (event: MouseEvent | TouchEvent, drag: Drag) => {
    if (drag.detached) {
      applyChange(session.document, { connect: null, disconnect: drag.detached })
      return
    }
    const screen = pointOf(event)
    session.view.setState({ palette: { screen, flow: screenToFlowPosition(screen), drag } })
  }

  return { startDrag, endDrag }
}

function pointOf(event: MouseEvent | TouchEvent): { x: number; y: number } {
  const point = 'changedTouches' in event ? event.changedTouches[0] : event
  return { x: point?.clientX ?? 0, y: point?.clientY ?? 0 }
}

function nodeUnder(event: MouseEvent | TouchEvent): string | null {
  const { x, y } = pointOf(event)
  const card = document.elementFromPoint(x, y)?.closest('[data-node-id]')
  return card?.getAttribute('data-node-id') ?? null
}
