// What is known of runs, as a pure function of what was heard. Late and doubled messages change nothing.
import type { Run, RunMessage, RunOutput, RunStatus } from './wire'

export type NodeState = 'running' | 'cached' | 'done'

export interface NodeProgress {
  readonly state: NodeState
  readonly value: number
  readonly max: number
}

export interface RunView {
  /** Null while only events of the run were heard, and not the run itself. */
  readonly run: Run | null
  readonly seq: number
  readonly nodes: Readonly<Record<string, NodeProgress>>
}

export type Runs = ReadonlyMap<string, RunView>

const TERMINAL: ReadonlySet<RunStatus> = new Set(['succeeded', 'failed', 'cancelled', 'held'])

export function isTerminal(status: RunStatus): boolean {
  return TERMINAL.has(status)
}

/** Takes in the state of a run. An ended run never lives again, whatever comes late. */
export function applyRun(runs: Runs, run: Run): Runs {
  const known = runs.get(run.id)
  const hasEnded = known?.run && isTerminal(known.run.status)
  if (known && (run.seq < known.seq || (hasEnded && !isTerminal(run.status)))) return runs
  const before = known?.nodes ?? {}
  const nodes = isTerminal(run.status) ? endedNodes(before, run.status) : runningNode(run, before)
  return withRun(runs, run.id, { run, seq: run.seq, nodes })
}

export function applyMessage(runs: Runs, message: RunMessage): Runs {
  switch (message.type) {
    case 'run':
      return applyRun(runs, { ...message.run, seq: message.seq })
    case 'node':
      return change(runs, message, (view) => ({
        ...view,
        nodes: { ...view.nodes, [message.node]: stateOf(view, message.node, message.state) },
      }))
    case 'progress':
      return change(runs, message, (view) => ({
        ...view,
        nodes: {
          ...view.nodes,
          [message.node]: { state: 'running', value: message.value, max: message.max },
        },
      }))
    case 'output':
      return change(runs, message, (view) => addOutput(view, message.output))
    case 'hello':
    case 'preview_document':
      return runs
  }
}

function change(
  runs: Runs,
  message: { readonly run: string; readonly seq: number },
  step: (view: RunView) => RunView,
): Runs {
  const view = runs.get(message.run) ?? { run: null, seq: 0, nodes: {} }
  if (message.seq <= view.seq || (view.run && isTerminal(view.run.status))) return runs
  return withRun(runs, message.run, { ...step(view), seq: message.seq })
}

function withRun(runs: Runs, id: string, view: RunView): Runs {
  return new Map(runs).set(id, view)
}

function stateOf(view: RunView, node: string, state: NodeState): NodeProgress {
  const before = view.nodes[node]
  return { state, value: before?.value ?? 0, max: before?.max ?? 0 }
}

/** A run that is read in its middle tells which node is at work. */
function runningNode(
  run: Run,
  nodes: Readonly<Record<string, NodeProgress>>,
): Readonly<Record<string, NodeProgress>> {
  const { node, value, max } = run.progress
  if (node === null || nodes[node]) return nodes
  return { ...nodes, [node]: { state: 'running', value, max } }
}

/** After the end no node is at work: the last one is done, or stopped where it was. */
function endedNodes(
  nodes: Readonly<Record<string, NodeProgress>>,
  status: RunStatus,
): Readonly<Record<string, NodeProgress>> {
  const entries = Object.entries(nodes)
  if (status !== 'succeeded') {
    return Object.fromEntries(entries.filter(([, progress]) => progress.state !== 'running'))
  }
  return Object.fromEntries(
    entries.map(([id, progress]) => [
      id,
      progress.state === 'running' ? { ...progress, state: 'done' } : progress,
    ]),
  )
}

function addOutput(view: RunView, output: RunOutput): RunView {
  if (!view.run) return view
  const others = view.run.outputs.filter(
    (known) => known.node !== output.node || known.index !== output.index,
  )
  return { ...view, run: { ...view.run, outputs: [...others, output] } }
}
