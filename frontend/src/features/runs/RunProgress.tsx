import { isTerminal } from '@/domain/runs/reducer'
import { progressOf } from '@/domain/runs/selectors'

import { useLatestRun } from './context'

/** The thin line under the top bar: nodes done, and the share of the node at work. */
export function RunProgress() {
  const view = useLatestRun()
  const run = view?.run
  if (!view || !run || isTerminal(run.status)) return null
  return (
    <div className="run-progress" data-state={run.status} aria-hidden>
      <div style={{ transform: `scaleX(${String(progressOf(view).share)})` }} />
    </div>
  )
}
