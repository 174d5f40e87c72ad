import { useReactFlow, useViewport } from '@xyflow/react'
import { Maximize, Minus, Network, Plus } from 'lucide-react'

import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'

import { FIT, ZOOM_MS } from './camera'

/** Zoom, fit, and tidy up. */
export function CanvasControls({ onTidy }: { readonly onTidy: () => void }) {
  const flow = useReactFlow()
  const { zoom } = useViewport()
  return (
    <div className="canvas-controls" role="toolbar" aria-label={text.canvas.view}>
      <IconButton icon={Network} label={text.canvas.tidy} onPress={onTidy} />
      <span className="divider" aria-hidden />
      <IconButton
        icon={Minus}
        label={text.canvas.zoomOut}
        onPress={() => void flow.zoomOut({ duration: ZOOM_MS })}
      />
      <button
        type="button"
        className="zoom-level"
        title={text.canvas.zoomReset}
        aria-label={text.canvas.zoomReset}
        onClick={() => void flow.zoomTo(1, { duration: ZOOM_MS })}
      >
        {text.canvas.zoomLevel(Math.round(zoom * 100))}
      </button>
      <IconButton
        icon={Plus}
        label={text.canvas.zoomIn}
        onPress={() => void flow.zoomIn({ duration: ZOOM_MS })}
      />
      <IconButton
        icon={Maximize}
        label={text.canvas.fit}
        hint={`${text.canvas.fit} (.)`}
        onPress={() => void flow.fitView(FIT)}
      />
    </div>
  )
}
