import { activeRuns, progressOf } from '@/domain/runs/selectors'
import { text } from '@/shared/messages'

import { useRuns } from './context'
import type { RunsState } from './store'

/** One line: the connection, and what the queue does for this person. */
export function RunStatus() {
  const connection = useRuns((state) => state.connection)
  const runs = useRuns((state) => state.runs)
  const isBusy = activeRuns(runs).length > 0
  const tone = connection !== 'open' ? 'bad' : isBusy ? 'busy' : 'good'
  return (
    <div className="run-status" role="status" data-tone={tone} data-connection={connection}>
      <span className="run-status-dot" aria-hidden />
      <span>{describe(connection, runs)}</span>
    </div>
  )
}

function describe(connection: RunsState['connection'], runs: RunsState['runs']): string {
  if (connection === 'lost') return text.runs.lost
  if (connection === 'connecting') return text.runs.connecting
  const active = activeRuns(runs)
  const current = active.find((run) => run.status !== 'queued')
  const waiting = active.filter((run) => run.status === 'queued').length
  const view = current && runs.get(current.id)
  if (!view) return waiting > 0 ? text.runs.waiting(waiting) : text.runs.idle
  const { done, total } = progressOf(view)
  const first =
    current.status === 'cancelling' ? text.runs.stopping : text.runs.running(done, total)
  return waiting > 0 ? `${first} · ${text.runs.waiting(waiting)}` : first
}
