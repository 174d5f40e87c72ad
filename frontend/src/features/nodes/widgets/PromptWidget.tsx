import { useState } from 'react'

import { text } from '@/shared/messages'

import type { WidgetProps } from './props'

/** A long text. While it has the focus the wheel scrolls it; else the wheel belongs to the canvas. */
export function PromptWidget({ input, value, hasFault, onChange, onCommit }: WidgetProps) {
  const [hasFocus, setHasFocus] = useState(false)
  return (
    <textarea
      className={`prompt-field nodrag nopan ${hasFocus ? 'nowheel' : ''}`}
      aria-label={input.name}
      aria-invalid={hasFault || undefined}
      placeholder={text.nodes.promptPlaceholder}
      spellCheck={false}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => onChange(event.target.value)}
      onFocus={() => setHasFocus(true)}
      onBlur={() => {
        setHasFocus(false)
        onCommit()
      }}
    />
  )
}
