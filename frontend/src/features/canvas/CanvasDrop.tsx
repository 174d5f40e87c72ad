import { useReactFlow } from '@xyflow/react'
import { useState, type DragEvent, type MouseEvent, type ReactNode, type RefObject } from 'react'

import { text } from '@/shared/messages'

interface Props {
  readonly pane: RefObject<HTMLDivElement | null>
  readonly onDropFiles: (files: readonly File[], at: { x: number; y: number }) => void
  readonly onDoubleClick: (event: MouseEvent) => void
  readonly children: ReactNode
}

/** Takes files that are dropped anywhere on the canvas. */
export function CanvasDrop({ pane, onDropFiles, onDoubleClick, children }: Props) {
  const flow = useReactFlow()
  const [isOver, setIsOver] = useState(false)

  const drop = (event: DragEvent) => {
    event.preventDefault()
    setIsOver(false)
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY })
    if (event.dataTransfer.files.length > 0) onDropFiles([...event.dataTransfer.files], at)
  }
  const hover = (event: DragEvent) => {
    event.preventDefault()
    if (event.dataTransfer.types.includes('Files')) setIsOver(true)
  }
  const leave = (event: DragEvent<HTMLElement>) => {
    const next = event.relatedTarget
    if (!(next instanceof Node) || !event.currentTarget.contains(next)) setIsOver(false)
  }
  return (
    <div
      ref={pane}
      className="canvas"
      role="application"
      aria-label={text.canvas.label}
      data-testid="canvas"
      onDragEnter={hover}
      onDragOver={hover}
      onDragLeave={leave}
      onDrop={drop}
      onDoubleClick={onDoubleClick}
    >
      {children}
      {isOver && (
        <div className="drop-hint" aria-hidden>
          <strong>{text.editor.dropHere}</strong>
          <span>{text.editor.dropDetail}</span>
        </div>
      )}
    </div>
  )
}
