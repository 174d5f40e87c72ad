// Starting and stopping runs.
import { useState } from 'react'

import { isSeed, type Catalog } from '@/domain/catalog/types'
import { BY_SYSTEM } from '@/domain/document/document'
import { setParam } from '@/domain/document/operations'
import { toPrompt } from '@/domain/formats/prompt'
import { toWorkflow } from '@/domain/formats/toWorkflow'
import { nextSeed } from '@/domain/graph/seeds'
import { isTerminal } from '@/domain/runs/reducer'
import { activeRuns } from '@/domain/runs/selectors'
import { parseRun, type Run } from '@/domain/runs/wire'
import { useStudio, type Session, type Studio } from '@/features/session'
import { api, unwrap } from '@/shared/api/client'
import { ApiProblem, type Fault } from '@/shared/api/problem'
import { randomToken } from '@/shared/lib/ids'
import { text } from '@/shared/messages'
import { useToast } from '@/shared/ui/toasts'

import { useRunsStore } from './context'
import { takeRuns } from './store'

export interface RunActions {
  readonly isStarting: boolean
  readonly start: () => Promise<void>
  /** Stops the latest run of the open workflow that still goes on. */
  readonly cancel: () => Promise<void>
}

interface Started {
  readonly run: Run
  readonly faults: readonly Fault[]
}

export function useRunActions(): RunActions {
  const studio = useStudio()
  const store = useRunsStore()
  const showToast = useToast()
  const [isStarting, setIsStarting] = useState(false)

  const start = async () => {
    const { session, catalog } = studio
    setIsStarting(true)
    session.view.setState({ faults: [] })
    try {
      const { run, faults } = await postRun(studio)
      takeRuns(store, [run])
      session.view.setState({ faults })
      changeSeeds(session, catalog)
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      session.view.setState({ faults: error.faults })
      if (error.faults.length === 0) showToast(error.message || text.runs.notStarted, 'bad')
    } finally {
      setIsStarting(false)
    }
  }

  const cancel = async () => {
    const { clientRef } = studio.session
    const running = activeRuns(store.getState().runs).find((run) => run.client_ref === clientRef)
    if (!running || isTerminal(running.status)) return
    try {
      takeRuns(store, [await postCancel(studio.slug, running.id)])
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      showToast(text.runs.notCancelled, 'bad')
    }
  }

  return { isStarting, start, cancel }
}

/** The run, and what keeps some outputs of the graph from being part of it. */
async function postRun({ slug, session, catalog }: Studio): Promise<Started> {
  const graph = session.graph.getSnapshot()
  const answer = await unwrap(
    api().POST('/api/v1/workspaces/{slug}/runs', {
      params: { path: { slug }, header: { 'Idempotency-Key': randomToken() } },
      body: {
        prompt: { ...toPrompt(graph, catalog) },
        workflow: { ...toWorkflow(graph, catalog) },
        client_ref: session.clientRef,
      },
    }),
  )
  return { run: parseRun(answer), faults: answer.problems }
}

async function postCancel(slug: string, id: string): Promise<Run> {
  const params = { path: { slug, run_id: id } }
  return parseRun(
    await unwrap(api().POST('/api/v1/workspaces/{slug}/runs/{run_id}/cancel', { params })),
  )
}

/** Seeds change once the run is queued, so that what is on screen next is what runs next. */
function changeSeeds(session: Session, catalog: Catalog): void {
  for (const node of session.graph.getSnapshot().nodes.values()) {
    for (const input of catalog.types.get(node.type)?.inputs.filter(isSeed) ?? []) {
      const seed = node.params[input.name]
      const mode = node.seedModes[input.name] ?? 'randomize'
      if (typeof seed !== 'number' || mode === 'fixed') continue
      const range = { min: input.min ?? 0, max: input.max ?? Number.MAX_SAFE_INTEGER }
      setParam(
        session.document,
        { node: node.id, input: input.name },
        nextSeed(seed, mode, range),
        BY_SYSTEM,
      )
    }
  }
}
