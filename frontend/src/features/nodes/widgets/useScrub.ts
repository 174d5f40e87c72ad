import { useRef, type PointerEvent } from 'react'

import { fitNumber, type NumberRange } from '@/domain/numbers/format'

/** Less movement than this is a click. */
const DRIFT_PX = 3
const PX_PER_STEP = 5
const COARSE = 10
const FINE = 0.1

interface Scrub {
  readonly startX: number
  readonly startValue: number
  hasMoved: boolean
}

interface Options {
  readonly value: number
  readonly range: NumberRange
  /** Whether the field's width stands for the whole range. */
  readonly isAbsolute: boolean
  readonly onChange: (value: number) => void
  readonly onCommit: () => void
  readonly onClick: () => void
}

/** Dragging sideways over a number changes it: Shift ten times as fast, Alt ten times as fine. */
export function useScrub({ value, range, isAbsolute, onChange, onCommit, onClick }: Options) {
  const scrub = useRef<Scrub | null>(null)

  const begin = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return
    event.currentTarget.setPointerCapture(event.pointerId)
    scrub.current = { startX: event.clientX, startValue: value, hasMoved: false }
  }
  const move = (event: PointerEvent<HTMLElement>) => {
    const current = scrub.current
    if (!current) return
    const distance = event.clientX - current.startX
    if (!current.hasMoved && Math.abs(distance) < DRIFT_PX) return
    current.hasMoved = true
    const factor = event.shiftKey ? COARSE : event.altKey ? FINE : 1
    const perPx = isAbsolute
      ? (range.max - range.min) / event.currentTarget.offsetWidth
      : range.step / PX_PER_STEP
    const steps = Math.round((distance * perPx * factor) / range.step)
    const fine = (distance * perPx * factor) / range.precision
    const delta = event.altKey ? Math.round(fine) * range.precision : steps * range.step
    onChange(fitNumber(current.startValue + delta, range))
  }
  const end = () => {
    const current = scrub.current
    scrub.current = null
    if (current?.hasMoved) onCommit()
    else if (current) onClick()
  }
  const abandon = () => {
    scrub.current = null
  }
  return { onPointerDown: begin, onPointerMove: move, onPointerUp: end, onPointerCancel: abandon }
}
