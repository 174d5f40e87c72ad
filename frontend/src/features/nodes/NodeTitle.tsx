import {
  Ban,
  CircleCheck,
  CircleX,
  CornerDownRight,
  LoaderCircle,
  Zap,
  type LucideIcon,
} from 'lucide-react'
import { useState } from 'react'

import type { NodeType } from '@/domain/catalog/types'
import { renameNode } from '@/domain/document/operations'
import type { GraphNode } from '@/domain/graph/types'
import type { NodeStatus } from '@/features/runs'
import { useSession } from '@/features/session'
import { text } from '@/shared/messages'

import { socketStyle } from './ports'

interface Props {
  readonly node: GraphNode
  readonly title: string
  readonly type: NodeType | null
  readonly status: NodeStatus
}

const GLYPHS: Readonly<Record<NodeStatus['state'], LucideIcon | null>> = {
  idle: null,
  running: LoaderCircle,
  done: CircleCheck,
  error: CircleX,
  cached: Zap,
}
const MODE_GLYPHS = { active: null, muted: Ban, bypassed: CornerDownRight } as const

/** The title with the node's state; a double click renames. */
export function NodeTitle({ node, title, type, status }: Props) {
  const { document } = useSession()
  const [isRenaming, setIsRenaming] = useState(false)
  const { state, progress } = status
  const Glyph = GLYPHS[state]
  const ModeGlyph = MODE_GLYPHS[node.mode]
  const hasSteps = state === 'running' && progress !== null && progress.max > 0

  const rename = (next: string) => {
    setIsRenaming(false)
    if (next !== title) renameNode(document, node.id, next === type?.title ? '' : next)
  }
  return (
    <header
      className="node-title"
      style={socketStyle(type?.outputs[0]?.type ?? type?.inputs[0]?.type ?? '')}
      title={type?.description}
      onDoubleClick={(event) => {
        event.stopPropagation()
        setIsRenaming(true)
      }}
    >
      <span className="node-dot" aria-hidden />
      {isRenaming ? (
        <input
          className="node-rename nodrag"
          aria-label={text.nodes.renameNode(title)}
          autoFocus
          defaultValue={title}
          onFocus={(event) => event.target.select()}
          onBlur={(event) => rename(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') event.currentTarget.blur()
            if (event.key === 'Escape') setIsRenaming(false)
          }}
        />
      ) : (
        <h3>{title}</h3>
      )}
      {hasSteps && (
        <span className="node-steps">{text.nodes.step(progress.value, progress.max)}</span>
      )}
      {ModeGlyph && (
        <ModeGlyph
          size={14}
          aria-label={node.mode === 'muted' ? text.nodes.muted : text.nodes.bypassed}
        />
      )}
      {Glyph && (
        <Glyph
          className="node-glyph"
          size={14}
          strokeWidth={2}
          aria-label={text.nodes.states[state]}
        />
      )}
      {state === 'running' && (
        <div
          className="node-progress"
          role="progressbar"
          aria-label={text.nodes.progress(title)}
          aria-valuenow={progress?.value ?? 0}
          aria-valuemax={progress?.max ?? 0}
          data-indeterminate={!hasSteps || undefined}
        >
          <div
            style={
              hasSteps
                ? { transform: `scaleX(${String(progress.value / progress.max)})` }
                : undefined
            }
          />
        </div>
      )}
    </header>
  )
}
