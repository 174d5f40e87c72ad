// Runs of the workspace as this tab knows them, with the previews that come in.
import { createStore, type StoreApi } from 'zustand/vanilla'

import { applyMessage, applyRun, isTerminal, type Runs } from '@/domain/runs/reducer'
import type { Run, RunMessage } from '@/domain/runs/wire'
import type { SocketState } from '@/shared/lib/socket'

export interface Preview {
  readonly url: string
  readonly width: number
  readonly height: number
}

export interface RunsState {
  readonly runs: Runs
  readonly connection: SocketState
  /** Keyed by `previewKey`; gone when the run ends. */
  readonly previews: ReadonlyMap<string, Preview>
}

export type RunsStore = StoreApi<RunsState>

export function previewKey(run: string, node: string): string {
  return `${run}/${node}`
}

export function createRunsStore(): RunsStore {
  return createStore<RunsState>(() => ({
    runs: new Map(),
    connection: 'connecting',
    previews: new Map(),
  }))
}

export function takeRuns(store: RunsStore, runs: readonly Run[]): void {
  store.setState((state) => ({ runs: runs.reduce(applyRun, state.runs) }))
  for (const run of runs) dropPreviews(store, run.id)
}

export function takeMessage(store: RunsStore, message: RunMessage): void {
  store.setState((state) => ({ runs: applyMessage(state.runs, message) }))
  if (message.type === 'run') dropPreviews(store, message.run.id)
}

/** Shows a preview in place of the one before, unless its run has ended meanwhile. */
export function takePreview(store: RunsStore, run: string, node: string, preview: Preview): void {
  const known = store.getState().runs.get(run)?.run
  if (known && isTerminal(known.status)) {
    URL.revokeObjectURL(preview.url)
    return
  }
  const before = store.getState().previews.get(previewKey(run, node))
  const previews = new Map(store.getState().previews).set(previewKey(run, node), preview)
  store.setState({ previews })
  if (before) URL.revokeObjectURL(before.url)
}

function dropPreviews(store: RunsStore, run: string): void {
  const { previews, runs } = store.getState()
  const known = runs.get(run)?.run
  if (!known || !isTerminal(known.status)) return
  const kept = new Map([...previews].filter(([key]) => !key.startsWith(`${run}/`)))
  if (kept.size === previews.size) return
  store.setState({ previews: kept })
  for (const [key, preview] of previews) if (!kept.has(key)) URL.revokeObjectURL(preview.url)
}
