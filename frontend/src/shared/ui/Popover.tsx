import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import { createPortal } from 'react-dom'

interface Props {
  readonly anchor: DOMRect
  readonly label: string
  readonly role?: 'dialog' | 'menu' | 'listbox'
  readonly width?: number
  readonly onClose: () => void
  readonly children: ReactNode
}

const GAP = 4
const MARGIN = 8

/** A floating panel at `anchor`, below it or above where there is more room. Closes on Escape and on a press outside. */
export function Popover({ anchor, label, role = 'dialog', width, onClose, children }: Props) {
  const panel = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState({ left: anchor.left, top: anchor.bottom + GAP })

  useLayoutEffect(() => {
    const box = panel.current?.getBoundingClientRect()
    if (box) setPlace(placeFor(anchor, box))
  }, [anchor])

  useEffect(() => {
    const closeOutside = (event: PointerEvent) => {
      const isInside = event.target instanceof Node && panel.current?.contains(event.target)
      if (!isInside) onClose()
    }
    const closeOnEscape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return
      event.stopPropagation()
      onClose()
    }
    window.addEventListener('pointerdown', closeOutside, true)
    window.addEventListener('keydown', closeOnEscape, true)
    return () => {
      window.removeEventListener('pointerdown', closeOutside, true)
      window.removeEventListener('keydown', closeOnEscape, true)
    }
  }, [onClose])

  return createPortal(
    <div
      ref={panel}
      className="popover"
      role={role}
      aria-label={label}
      style={{
        left: place.left,
        top: place.top,
        minWidth: anchor.width,
        ...(width ? { width } : {}),
      }}
    >
      {children}
    </div>,
    document.body,
  )
}

function placeFor(anchor: DOMRect, box: DOMRect): { left: number; top: number } {
  const fitsBelow = anchor.bottom + GAP + box.height + MARGIN <= window.innerHeight
  const above = Math.max(MARGIN, anchor.top - GAP - box.height)
  return {
    left: Math.max(MARGIN, Math.min(anchor.left, window.innerWidth - box.width - MARGIN)),
    top: fitsBelow ? anchor.bottom + GAP : above,
  }
}
