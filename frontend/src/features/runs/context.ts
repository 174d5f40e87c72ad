// Runs, for every component below the provider.
import { createContext, useContext } from 'react'
import { useStore } from 'zustand'

import { isPictureAt, latestOutputs, latestRun } from '@/domain/runs/selectors'
import { isTerminal, type NodeProgress, type RunView } from '@/domain/runs/reducer'
import type { RunOutput } from '@/domain/runs/wire'
import { useSession, useView } from '@/features/session'

import { previewKey, type Preview, type RunsState, type RunsStore } from './store'

export const RunsContext = createContext<RunsStore | null>(null)

export function useRunsStore(): RunsStore {
  const store = useContext(RunsContext)
  if (!store) throw new Error('this component works inside RunsProvider only')
  return store
}

export function useRuns<T>(select: (state: RunsState) => T): T {
  return useStore(useRunsStore(), select)
}

/** The latest run of the open workflow. */
export function useLatestRun(): RunView | null {
  const { clientRef } = useSession()
  return useRuns(({ runs }) => latestRun(runs, clientRef))
}

export type ShownState = 'idle' | 'running' | 'done' | 'error' | 'cached'

export interface NodeStatus {
  readonly state: ShownState
  readonly progress: NodeProgress | null
  readonly faults: readonly { readonly input: string | null; readonly message: string }[]
}

/** How the node fares in the open workflow's latest run. */
export function useNodeStatus(id: string): NodeStatus {
  const { clientRef } = useSession()
  const progress = useRuns(({ runs }) => latestRun(runs, clientRef)?.nodes[id] ?? null)
  const error = useRuns(({ runs }) => {
    const found = latestRun(runs, clientRef)?.run?.error
    return found?.node === id ? found : null
  })
  const refused = useView((view) => view.faults).filter((fault) => fault.node === id)
  const faults = error ? [...refused, error] : refused
  if (faults.length > 0) return { state: 'error', progress: null, faults }
  return { state: progress?.state ?? 'idle', progress, faults }
}

export function useNodePreview(id: string): Preview | null {
  const { clientRef } = useSession()
  return useRuns(({ runs, previews }) => {
    const run = latestRun(runs, clientRef)?.run
    if (!run || isTerminal(run.status)) return null
    return previews.get(previewKey(run.id, id)) ?? null
  })
}

/** Pictures that came out at the node last. */
export function useNodeResult(id: string): readonly RunOutput[] {
  const { clientRef } = useSession()
  const outputs = useRuns(({ runs }) => latestOutputs(runs, clientRef, id))
  return outputs.filter((output) => isPictureAt(output, id)).sort((a, b) => a.index - b.index)
}
