import type { ReactNode } from 'react'

import type { RowKind } from '@/domain/catalog/form'

import { ChoiceWidget } from './ChoiceWidget'
import { NumberWidget } from './NumberWidget'
import { PromptWidget } from './PromptWidget'
import type { WidgetProps } from './props'
import { SeedWidget } from './SeedWidget'
import { TextWidget } from './TextWidget'
import { ToggleWidget } from './ToggleWidget'

/** The editor for a kind of row: a new node of known kinds needs no change here. */
export function Widget({ kind, ...props }: WidgetProps & { readonly kind: RowKind }): ReactNode {
  switch (kind) {
    case 'number':
    case 'slider':
      return <NumberWidget {...props} />
    case 'seed':
      return <SeedWidget {...props} />
    case 'choice':
      return <ChoiceWidget {...props} />
    case 'text':
      return <TextWidget {...props} />
    case 'prompt':
      return <PromptWidget {...props} />
    case 'toggle':
      return <ToggleWidget {...props} />
    case 'ports':
      return null
  }
}
