import { Check, Search } from 'lucide-react'
import { useEffect, useRef, useState, type KeyboardEvent } from 'react'

import { text } from '@/shared/messages'
import { Popover } from '@/shared/ui/Popover'

interface Props {
  readonly anchor: DOMRect
  readonly label: string
  readonly choices: readonly string[]
  readonly value: string
  readonly onChoose: (choice: string) => void
  readonly onClose: () => void
}

/** Fewer choices than this are seen at a glance. */
const SEARCH_FROM = 8
const MIN_WIDTH = 200

/** The open list of a choice, with a search where it is long. Arrows and Enter work from the start. */
export function ChoiceList({ anchor, label, choices, value, onChoose, onClose }: Props) {
  const [query, setQuery] = useState('')
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = choices.filter((choice) =>
    words.every((word) => choice.toLowerCase().includes(word)),
  )
  const [active, setActive] = useState(Math.max(0, choices.indexOf(value)))
  const list = useRef<HTMLDivElement>(null)
  const hasSearch = choices.length >= SEARCH_FROM

  useEffect(() => {
    list.current?.querySelector('[data-active="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [active, query])
  useEffect(() => {
    if (!hasSearch) list.current?.focus()
  }, [hasSearch])

  const press = (event: KeyboardEvent) => {
    const last = shown.length - 1
    if (event.key === 'ArrowDown') setActive(Math.min(last, active + 1))
    else if (event.key === 'ArrowUp') setActive(Math.max(0, active - 1))
    else if (event.key === 'Enter') {
      const choice = shown[active]
      if (choice !== undefined) onChoose(choice)
    } else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <Popover
      anchor={anchor}
      label={label}
      width={Math.max(anchor.width, MIN_WIDTH)}
      onClose={onClose}
    >
      <div className="choice-list" onKeyDown={press}>
        {hasSearch && (
          <label className="choice-search">
            <Search size={13} strokeWidth={2} aria-hidden />
            <input
              autoFocus
              value={query}
              placeholder={text.nodes.filterChoices}
              aria-label={text.nodes.filterChoices}
              onChange={(event) => {
                setQuery(event.target.value)
                setActive(0)
              }}
            />
          </label>
        )}
        <div ref={list} className="choice-options" role="listbox" aria-label={label} tabIndex={-1}>
          {shown.map((choice, index) => (
            <button
              key={choice}
              type="button"
              role="option"
              aria-selected={choice === value}
              data-active={index === active}
              className="menu-item"
              tabIndex={-1}
              onPointerEnter={() => setActive(index)}
              onClick={() => onChoose(choice)}
            >
              <span>{choice}</span>
              {choice === value && <Check size={14} aria-hidden />}
            </button>
          ))}
          {shown.length === 0 && <p className="popover-caption">{text.nodes.noChoices}</p>}
        </div>
      </div>
    </Popover>
  )
}
