import { ChevronDown, TriangleAlert } from 'lucide-react'
import { useRef, useState } from 'react'

import { choicesOf } from '@/domain/catalog/types'
import { useCatalog } from '@/features/session'
import { text } from '@/shared/messages'

import { ChoiceList } from './ChoiceList'
import type { WidgetProps } from './props'

/** One of several names; a value that is not offered is kept and marked, for the service decides. */
export function ChoiceWidget({ input, value, hasFault, onChange, onCommit }: WidgetProps) {
  const choices = choicesOf(input, useCatalog())
  const button = useRef<HTMLButtonElement>(null)
  const [anchor, setAnchor] = useState<DOMRect | null>(null)
  const shown = typeof value === 'string' ? value : String(value ?? '')
  const isOffered = choices.includes(shown) || shown.startsWith('asset:')

  const close = () => {
    setAnchor(null)
    button.current?.focus()
  }
  const choose = (choice: string) => {
    onChange(choice)
    onCommit()
    close()
  }
  return (
    <>
      <button
        ref={button}
        type="button"
        className="field choice-field nodrag"
        aria-label={input.name}
        aria-haspopup="listbox"
        aria-expanded={anchor !== null}
        aria-invalid={hasFault || undefined}
        data-offered={isOffered}
        title={isOffered ? shown : text.nodes.notOffered(shown)}
        onClick={(event) => setAnchor(event.currentTarget.getBoundingClientRect())}
      >
        {!isOffered && <TriangleAlert size={12} strokeWidth={2} aria-hidden />}
        <span className="choice-value">{shown || text.nodes.choose}</span>
        <ChevronDown size={13} strokeWidth={2} aria-hidden />
      </button>
      {anchor && (
        <ChoiceList
          anchor={anchor}
          label={input.name}
          choices={choices}
          value={shown}
          onChoose={choose}
          onClose={close}
        />
      )}
    </>
  )
}
