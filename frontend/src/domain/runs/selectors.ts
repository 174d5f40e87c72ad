// Questions to what is known of runs.
import { isTerminal, type RunView, type Runs } from './reducer'
import type { Run, RunOutput } from './wire'

const NO_OUTPUTS: readonly RunOutput[] = []

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
  return newest(runs, (run) => run.client_ref === clientRef)
}

/** The outputs of the latest run of one document that left a picture at `node`. */
export function latestOutputs(runs: Runs, clientRef: string, node: string): readonly RunOutput[] {
  const view = newest(
    runs,
    (run) =>
      run.client_ref === clientRef && run.outputs.some((output) => isPictureAt(output, node)),
  )
  return view?.run?.outputs ?? NO_OUTPUTS
}

export function isPictureAt(output: RunOutput, node: string): boolean {
  return output.node === node && output.kind === 'image'
}

export interface RunProgress {
  readonly done: number
  readonly total: number
  /** 0 to 1: nodes done, and the share of the node at work. */
  readonly share: number
}

export function progressOf({ run, nodes }: RunView): RunProgress {
  const total = run?.progress.total ?? 0
  const known = Object.values(nodes)
  const ended = known.filter((node) => node.state !== 'running').length
  const done = Math.max(run?.progress.done ?? 0, ended)
  const current = known.find((node) => node.state === 'running')
  const part = current && current.max > 0 ? current.value / current.max : 0
  return { done, total, share: total > 0 ? Math.min(1, (done + part) / total) : 0 }
}

function newest(runs: Runs, fits: (run: Run) => boolean): RunView | null {
  let found: RunView | null = null
  for (const view of runs.values()) {
    if (!view.run || !fits(view.run)) continue
    if (!found?.run || view.run.created_at > found.run.created_at) found = view
  }
  return found
}

export interface Picture {
  readonly run: Run
  readonly output: RunOutput
}

/** Pictures of all runs, newest first, each asset once. */
export function picturesOfAll(runs: Runs): readonly Picture[] {
  const seen = new Set<string>()
  return sortedRuns(runs).flatMap((run) =>
    run.outputs.flatMap((output) => {
      if (output.kind !== 'image' || seen.has(output.asset.id)) return []
      seen.add(output.asset.id)
      return [{ run, output }]
    }),
  )
}

/** Those that are kept, without mere previews. */
export function recentPictures(runs: Runs): readonly Picture[] {
  return picturesOfAll(runs).filter(({ output }) => output.purpose === 'output')
}
