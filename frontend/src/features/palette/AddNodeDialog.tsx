import { Search } from 'lucide-react'
import { useEffect, useRef, useState, type KeyboardEvent } from 'react'

import { rankTypes } from '@/domain/search/rank'
import { useStudio, type PaletteRequest } from '@/features/session'
import { text } from '@/shared/messages'

import { addNode } from './addNode'
import { connectableTypes } from './connectable'
import { PaletteItem } from './PaletteItem'

const WIDTH = 380
const HEIGHT = 420
const MARGIN = 12
const MAX_SHOWN = 60

/** Search of node types at the pointer. With a link in hand it lists only what the link fits. */
export function AddNodeDialog({ request }: { readonly request: PaletteRequest }) {
  const studio = useStudio()
  const { session, catalog } = studio
  const [query, setQuery] = useState('')
  const [active, setActive] = useState(0)
  const panel = useRef<HTMLDivElement>(null)
  const candidates = connectableTypes(catalog, request.drag)
  const shown = rankTypes(candidates, query).slice(0, MAX_SHOWN)

  const close = () => session.view.setState({ palette: null })
  const choose = (index: number) => {
    const type = shown[index]
    if (!type) return
    close()
    addNode(studio, type, request)
  }
  const press = (event: KeyboardEvent) => {
    event.stopPropagation()
    if (event.key === 'Escape') close()
    else if (event.key === 'ArrowDown') setActive(Math.min(shown.length - 1, active + 1))
    else if (event.key === 'ArrowUp') setActive(Math.max(0, active - 1))
    else if (event.key === 'Enter') choose(active)
    else return
    event.preventDefault()
  }

  useEffect(() => {
    const closeOutside = (event: PointerEvent) => {
      const isInside = event.target instanceof Node && panel.current?.contains(event.target)
      if (!isInside) session.view.setState({ palette: null })
    }
    window.addEventListener('pointerdown', closeOutside, true)
    return () => window.removeEventListener('pointerdown', closeOutside, true)
  }, [session])
  useEffect(() => {
    panel.current?.querySelector('[data-active="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [active, query])

  return (
    <div
      ref={panel}
      className="palette"
      role="dialog"
      aria-label={text.palette.label}
      style={placeOf(request)}
      onKeyDown={press}
    >
      <label className="palette-search">
        <Search size={15} strokeWidth={2} aria-hidden />
        <input
          autoFocus
          type="text"
          role="combobox"
          aria-expanded
          aria-controls="palette-list"
          aria-label={text.palette.placeholder}
          placeholder={text.palette.placeholder}
          autoComplete="off"
          spellCheck={false}
          value={query}
          onChange={(event) => {
            setQuery(event.target.value)
            setActive(0)
          }}
        />
        {request.drag && (
          <span className="palette-filter">
            {request.drag.from.side === 'out'
              ? text.palette.takes(request.drag.type)
              : text.palette.gives(request.drag.type)}
          </span>
        )}
      </label>
      <div
        id="palette-list"
        className="palette-list"
        role="listbox"
        aria-label={text.palette.label}
      >
        {shown.map((type, index) => (
          <PaletteItem
            key={type.name}
            type={type}
            isActive={index === active}
            onPoint={() => setActive(index)}
            onChoose={() => choose(index)}
          />
        ))}
        {shown.length === 0 && <p className="palette-empty">{text.palette.empty}</p>}
      </div>
      <footer className="palette-hints">{text.palette.hints}</footer>
    </div>
  )
}

/** At the pointer, but inside the window. */
function placeOf({ screen }: PaletteRequest) {
  return {
    width: WIDTH,
    maxHeight: HEIGHT,
    left: Math.max(MARGIN, Math.min(screen.x - 24, window.innerWidth - WIDTH - MARGIN)),
    top: Math.max(MARGIN, Math.min(screen.y - 24, window.innerHeight - HEIGHT - MARGIN)),
  }
}
