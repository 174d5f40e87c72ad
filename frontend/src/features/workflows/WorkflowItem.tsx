import { ChevronRight, FileText } from 'lucide-react'
import { useState } from 'react'

import { useView } from '@/features/session'
import type { Schemas } from '@/shared/api/client'
import { text } from '@/shared/messages'

import { useOpenWorkflow, useVersions } from './workflows'

/** One saved workflow; unfolds to its versions. */
export function WorkflowItem({ workflow }: { readonly workflow: Schemas['WorkflowSummary'] }) {
  const { id, name, latest } = workflow
  const [isUnfolded, setIsUnfolded] = useState(false)
  const file = useView((view) => view.file)
  const { data } = useVersions(id, isUnfolded)
  const openWorkflow = useOpenWorkflow()
  const isOpen = file?.id === id
  return (
    <li className="drawer-item" data-open={isOpen} data-testid="workflow-item">
      <div className="drawer-row">
        <button
          type="button"
          className="drawer-name"
          aria-label={text.workflows.open(name)}
          onClick={() => void openWorkflow(id, name, latest.number)}
        >
          <FileText size={16} strokeWidth={1.5} aria-hidden />
          <span>
            <strong>{name}</strong>
            <small>
              {text.workflows.version(latest.number)} · {formatTime(latest.created_at)}
            </small>
          </span>
        </button>
        <button
          type="button"
          className="icon-button drawer-unfold"
          aria-label={text.workflows.versions}
          title={text.workflows.versions}
          aria-expanded={isUnfolded}
          onClick={() => setIsUnfolded(!isUnfolded)}
        >
          <ChevronRight size={14} strokeWidth={2} aria-hidden />
        </button>
      </div>
      {isUnfolded && (
        <ol className="drawer-versions">
          {(data?.items ?? []).map(({ number, created_at, author }) => (
            <li key={number}>
              <button
                type="button"
                aria-label={text.workflows.openVersion(number)}
                data-open={isOpen && file.version === number}
                onClick={() => void openWorkflow(id, name, number)}
              >
                <span>{text.workflows.version(number)}</span>
                <small>
                  {formatTime(created_at)}
                  {author === null ? '' : ` · ${author}`}
                </small>
              </button>
            </li>
          ))}
        </ol>
      )}
    </li>
  )
}

function formatTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
}
