import { Play, Square } from 'lucide-react'

import { isTerminal } from '@/domain/runs/reducer'
import { text } from '@/shared/messages'

import type { RunActions } from './actions'
import { useLatestRun } from './context'

/** Run, and Cancel while something runs. */
export function RunControls({ isStarting, start, cancel }: RunActions) {
  const run = useLatestRun()?.run
  const isActive = run !== null && run !== undefined && !isTerminal(run.status)
  const isStopping = run?.status === 'cancelling'
  return (
    <div className="run-controls">
      {isActive && (
        <button
          type="button"
          className="button"
          title={text.editor.cancelHint}
          disabled={isStopping}
          onClick={() => void cancel()}
        >
          <Square size={12} strokeWidth={2.5} aria-hidden />
          <span>{isStopping ? text.editor.cancelling : text.editor.cancel}</span>
        </button>
      )}
      <button
        type="button"
        className="button button-run"
        title={text.editor.runHint}
        disabled={isStarting}
        onClick={() => void start()}
      >
        <Play size={13} strokeWidth={2.5} fill="currentColor" aria-hidden />
        <span>{text.editor.run}</span>
      </button>
    </div>
  )
}
