import { ArrowDown01, ArrowUp01, Check, Dices, Lock, Shuffle, type LucideIcon } from 'lucide-react'
import { useState } from 'react'

import { setSeedMode } from '@/domain/document/operations'
import { drawSeed } from '@/domain/graph/seeds'
import { SEED_MODES, type SeedMode } from '@/domain/graph/types'
import { rangeOf } from '@/domain/numbers/format'
import { useNode, useSession } from '@/features/session'
import { text } from '@/shared/messages'
import { Popover } from '@/shared/ui/Popover'

import { NumberField } from './NumberField'
import type { WidgetProps } from './props'

const ICONS: Readonly<Record<SeedMode, LucideIcon>> = {
  randomize: Shuffle,
  fixed: Lock,
  increment: ArrowUp01,
  decrement: ArrowDown01,
}

/** A seed: the number, a dice for a new one, and what becomes of it after each run. */
export function SeedWidget({ node, input, value, hasFault, onChange, onCommit }: WidgetProps) {
  const { document } = useSession()
  const mode = useNode(node)?.seedModes[input.name] ?? 'randomize'
  const [anchor, setAnchor] = useState<DOMRect | null>(null)
  const range = rangeOf(input)
  const Icon = ICONS[mode]
  const modeLabel = `${text.nodes.seedMode}: ${text.nodes.seedModes[mode]}`

  const drawNew = () => {
    onChange(drawSeed({ min: Math.max(0, range.min), max: range.max }))
    onCommit()
  }
  const choose = (chosen: SeedMode) => {
    setSeedMode(document, { node, input: input.name }, chosen)
    setAnchor(null)
  }
  return (
    <div className="seed-field">
      <NumberField
        label={input.name}
        value={typeof value === 'number' ? value : 0}
        range={range}
        isSlider={false}
        hasFault={hasFault}
        onChange={onChange}
        onCommit={onCommit}
      />
      <button
        type="button"
        className="field-button nodrag"
        aria-label={text.nodes.newSeed}
        title={text.nodes.newSeed}
        onClick={drawNew}
      >
        <Dices size={14} strokeWidth={1.75} aria-hidden />
      </button>
      <button
        type="button"
        className="field-button nodrag"
        data-mode={mode}
        aria-label={modeLabel}
        title={modeLabel}
        aria-haspopup="menu"
        onClick={(event) => setAnchor(event.currentTarget.getBoundingClientRect())}
      >
        <Icon size={14} strokeWidth={1.75} aria-hidden />
      </button>
      {anchor && (
        <Popover
          anchor={anchor}
          label={text.nodes.seedMode}
          role="menu"
          width={168}
          onClose={() => setAnchor(null)}
        >
          <p className="popover-caption">{text.nodes.seedMode}</p>
          {SEED_MODES.map((each) => {
            const EachIcon = ICONS[each]
            return (
              <button
                key={each}
                type="button"
                role="menuitemradio"
                aria-checked={each === mode}
                className="menu-item"
                onClick={() => choose(each)}
              >
                <EachIcon size={14} strokeWidth={1.75} aria-hidden />
                <span>{text.nodes.seedModes[each]}</span>
                {each === mode && <Check size={14} aria-hidden />}
              </button>
            )
          })}
        </Popover>
      )}
    </div>
  )
}
