import type { InputType } from '@/domain/catalog/types'
import type { Json, NodeId } from '@/domain/graph/types'

/** What every editor of a value gets. */
export interface WidgetProps {
  readonly node: NodeId
  readonly input: InputType
  readonly value: Json
  readonly hasFault: boolean
  readonly onChange: (value: Json) => void
  /** The end of a gesture: what comes after it is another step of undo. */
  readonly onCommit: () => void
}
