import { rowKindOf } from '@/domain/catalog/form'
import { rangeOf } from '@/domain/numbers/format'

import { NumberField } from './NumberField'
import type { WidgetProps } from './props'

/** INT and FLOAT. */
export function NumberWidget({ input, value, hasFault, onChange, onCommit }: WidgetProps) {
  return (
    <NumberField
      label={input.name}
      value={typeof value === 'number' ? value : 0}
      range={rangeOf(input)}
      isSlider={rowKindOf(input) === 'slider'}
      hasFault={hasFault}
      onChange={onChange}
      onCommit={onCommit}
    />
  )
}
