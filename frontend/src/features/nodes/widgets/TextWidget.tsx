import { text } from '@/shared/messages'

import type { WidgetProps } from './props'

/** A short text on one line. */
export function TextWidget({ input, value, hasFault, onChange, onCommit }: WidgetProps) {
  return (
    <input
      className="field text-field nodrag nopan"
      aria-label={input.name}
      aria-invalid={hasFault || undefined}
      placeholder={text.nodes.textPlaceholder}
      spellCheck={false}
      value={typeof value === 'string' ? value : ''}
      onChange={(event) => onChange(event.target.value)}
      onBlur={onCommit}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && !event.ctrlKey) event.currentTarget.blur()
      }}
    />
  )
}
