import { CircleAlert, X } from 'lucide-react'
import { useState } from 'react'

import { useGraph, useSession, useView } from '@/features/session'
import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'

import { useLatestRun } from './context'

interface Problem {
  readonly node: string | null
  readonly input: string | null
  readonly message: string
}

/** What is wrong with the graph or its last run, each with a way to the node. */
export function Problems() {
  const { view } = useSession()
  const graph = useGraph()
  const refused = useView((state) => state.faults)
  const run = useLatestRun()?.run
  const [dismissed, setDismissed] = useState<unknown>(null)
  const failure = run?.error ?? null
  const problems: readonly Problem[] = refused.length > 0 ? refused : failure ? [failure] : []
  const cause = refused.length > 0 ? refused : failure
  if (problems.length === 0 || dismissed === cause) return null

  const goTo = (node: string) => {
    view.setState({ jump: { node }, selection: new Set([node]) })
  }
  return (
    <section className="problems" role="alert" aria-label={text.runs.problems(problems.length)}>
      <header>
        <CircleAlert size={15} strokeWidth={2} aria-hidden />
        <h2>{refused.length > 0 ? text.runs.refused : text.runs.failed}</h2>
        <IconButton
          icon={X}
          size={14}
          label={text.runs.dismiss}
          onPress={() => setDismissed(cause)}
        />
      </header>
      <ul>
        {problems.map(({ node, input, message }, index) => (
          <li key={`${node ?? ''}/${input ?? ''}/${String(index)}`}>
            <p>{message}</p>
            {node !== null && graph.nodes.has(node) && (
              <button type="button" className="link-button" onClick={() => goTo(node)}>
                {text.runs.goTo}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
