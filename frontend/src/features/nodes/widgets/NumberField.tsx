import { useRef, useState, type CSSProperties, type KeyboardEvent } from 'react'

import { fitNumber, formatNumber, parseNumber, type NumberRange } from '@/domain/numbers/format'

import { useScrub } from './useScrub'

interface Props {
  readonly label: string
  readonly value: number
  readonly range: NumberRange
  readonly isSlider: boolean
  readonly hasFault: boolean
  readonly onChange: (value: number) => void
  readonly onCommit: () => void
}

const COARSE = 10
const STARTS_TYPING = /^[\d.,-]$/

/** A number: drag to scrub, click or type to write, arrows to step. */
export function NumberField({
  label,
  value,
  range,
  isSlider,
  hasFault,
  onChange,
  onCommit,
}: Props) {
  const field = useRef<HTMLInputElement>(null)
  const [typed, setTyped] = useState<string | null>(null)
  const isTyping = typed !== null

  const beginTyping = (first?: string) => {
    setTyped(first ?? formatNumber(value, range))
    if (first === undefined) requestAnimationFrame(() => field.current?.select())
  }
  const endTyping = () => {
    const parsed = typed === null ? null : parseNumber(typed)
    if (parsed !== null) onChange(fitNumber(parsed, range))
    setTyped(null)
    onCommit()
  }
  const scrub = useScrub({
    value,
    range,
    isAbsolute: isSlider,
    onChange,
    onCommit,
    onClick: beginTyping,
  })

  const step = (event: KeyboardEvent, direction: number) => {
    event.preventDefault()
    const from = parseNumber(typed ?? '') ?? value
    const next = fitNumber(from + direction * range.step * (event.shiftKey ? COARSE : 1), range)
    onChange(next)
    if (isTyping) setTyped(formatNumber(next, range))
  }
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'ArrowUp') step(event, 1)
    else if (event.key === 'ArrowDown') step(event, -1)
    else if (event.key === 'Escape' && isTyping) {
      event.stopPropagation()
      setTyped(null)
    } else if (event.key === 'Enter') {
      if (event.ctrlKey || event.metaKey) return
      if (isTyping) endTyping()
      else beginTyping()
    } else if (!isTyping && STARTS_TYPING.test(event.key) && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      beginTyping(event.key)
    }
  }

  return (
    <input
      ref={field}
      className="field number-field nodrag nopan"
      aria-label={label}
      aria-invalid={hasFault || undefined}
      inputMode="decimal"
      autoComplete="off"
      spellCheck={false}
      data-slider={isSlider || undefined}
      data-typing={isTyping || undefined}
      style={isSlider ? fillOf(value, range) : undefined}
      readOnly={!isTyping}
      value={typed ?? formatNumber(value, range)}
      onChange={(event) => setTyped(event.target.value)}
      onBlur={() => isTyping && endTyping()}
      onKeyDown={press}
      {...(isTyping ? {} : scrub)}
    />
  )
}

function fillOf(value: number, { min, max }: NumberRange): CSSProperties {
  const share = max > min ? (value - min) / (max - min) : 0
  return { '--fill': `${String(Math.round(share * 1000) / 10)}%` } as CSSProperties
}
