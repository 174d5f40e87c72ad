// Questions to what is known of runs.
import { isTerminal, type RunView, type Runs } from './reducer'
import type { Run, RunOutput } from './wire'

/** Newest first. */
export function sortedRuns(runs: Runs): readonly Run[] {
  const known = [...runs.values()].flatMap((view) => view.run ?? [])
  return known.sort((a, b) => b.created_at.localeCompare(a.created_at))
}

export function activeRuns(runs: Runs): readonly Run[] {
  return sortedRuns(runs).filter((run) => !isTerminal(run.status))
}

/** The latest run of one document: the one whose state its nodes show. */
export function latestRun(runs: Runs, clientRef: string): RunView | null {
  const latest = sortedRuns(runs).find((run) => run.client_ref === clientRef)
  return (latest && runs.get(latest.id)) ?? null
}

/** For each node of one document, the pictures of the newest run that has any. */
export function resultsOf(runs: Runs, clientRef: string): ReadonlyMap<string, readonly RunOutput[]> {
  const results = new Map<string, readonly RunOutput[]>()
  for (const run of sortedRuns(runs)) {
    if (run.client_ref !== clientRef) continue
    for (const output of run.outputs) {
      if (output.kind !== 'image' || results.has(output.node)) continue
      results.set(output.node, picturesOf(run, output.node))
    }
  }
  return results
}

function picturesOf(run: Run, node: string): readonly RunOutput[] {
  return run.outputs
    .filter((output) => output.node === node && output.kind === 'image')
    .sort((a, b) => a.index - b.index)
}

export interface Picture {
  readonly run: Run
  readonly output: RunOutput
}

/** Kept pictures of all runs, newest first, each asset once. */
export function recentPictures(runs: Runs): readonly Picture[] {
  const seen = new Set<string>()
  return sortedRuns(runs).flatMap((run) =>
    run.outputs.flatMap((output) => {
      const isShown = output.kind === 'image' && output.purpose === 'output'
      if (!isShown || seen.has(output.asset.id)) return []
      seen.add(output.asset.id)
      return [{ run, output }]
    }),
  )
}
