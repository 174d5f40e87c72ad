import type { NodeType } from '@/domain/catalog/types'
import { isWidget } from '@/domain/catalog/types'
import { socketStyle } from '@/features/nodes'

interface Props {
  readonly type: NodeType
  readonly isActive: boolean
  readonly onPoint: () => void
  readonly onChoose: () => void
}

/** One node type in the search: its name, where it belongs, and its ports as dots. */
export function PaletteItem({ type, isActive, onPoint, onChoose }: Props) {
  const sockets = type.inputs.filter((input) => !isWidget(input))
  return (
    <button
      type="button"
      role="option"
      className="palette-item"
      tabIndex={-1}
      aria-selected={isActive}
      data-active={isActive}
      data-testid={`palette-${type.name}`}
      title={type.description}
      onPointerMove={onPoint}
      onClick={onChoose}
    >
      <span className="palette-name">{type.title}</span>
      <span className="palette-category">{type.category}</span>
      <span className="palette-ports" aria-hidden>
        {sockets.map((input) => (
          <i key={input.name} style={socketStyle(input.type)} />
        ))}
        {sockets.length > 0 && type.outputs.length > 0 && <b />}
        {type.outputs.map((output, slot) => (
          <i key={slot} style={socketStyle(output.type)} />
        ))}
      </span>
    </button>
  )
}
