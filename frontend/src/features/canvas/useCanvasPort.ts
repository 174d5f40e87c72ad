import { useReactFlow } from '@xyflow/react'
import { useImperativeHandle, type Ref, type RefObject } from 'react'

import { FIT, ZOOM_MS } from './camera'
import type { CanvasPort } from './port'

/** Keeps `port` filled for as long as the canvas is there. */
export function useCanvasPort(
  port: Ref<CanvasPort>,
  pane: RefObject<HTMLDivElement | null>,
  selectedEdges: ReadonlySet<string>,
): void {
  const flow = useReactFlow()

  useImperativeHandle(
    port,
    () => ({
      fit: () => void flow.fitView(FIT),
      zoomTo: (zoom) => void flow.zoomTo(zoom, { duration: ZOOM_MS }),
      middle: () => {
        const box = pane.current?.getBoundingClientRect() ?? new DOMRect()
        const screen = { x: box.left + box.width / 2, y: box.top + box.height / 2 }
        return { flow: flow.screenToFlowPosition(screen), screen }
      },
      selectedLinks: () => selectedEdges,
    }),
    [pane, flow, selectedEdges],
  )
}
