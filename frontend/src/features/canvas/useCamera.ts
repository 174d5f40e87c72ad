// Camera moves that follow from elsewhere: jumps to a node.
import { useReactFlow } from '@xyflow/react'
import { useEffect } from 'react'

import { useSession, useView } from '@/features/session'

import { JUMP_MS } from './camera'

const JUMP_ZOOM = 1

/** Brings the node that somebody asked for into the middle. */
export function useCamera(): void {
  const session = useSession()
  const jump = useView((view) => view.jump)
  const flow = useReactFlow()

  useEffect(() => {
    const target = jump && flow.getInternalNode(jump.node)
    if (!target) return
    const { x, y } = target.internals.positionAbsolute
    const { width = 0, height = 0 } = target.measured
    void flow.setCenter(x + width / 2, y + height / 2, { zoom: JUMP_ZOOM, duration: JUMP_MS })
    session.view.setState({ jump: null })
  }, [jump, flow, session])
}
