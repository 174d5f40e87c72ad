import { FilePlus2, X } from 'lucide-react'

import { fromPrompt } from '@/domain/formats/fromPrompt'
import { useStudio } from '@/features/session'
import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'

import { ExampleList } from './ExampleList'
import { WorkflowItem } from './WorkflowItem'
import { useWorkflowList } from './workflows'

/** Saved workflows with their versions. */
export function WorkflowDrawer({ onClose }: { readonly onClose: () => void }) {
  const { catalog, open } = useStudio()
  const { data } = useWorkflowList()
  const workflows = data?.items ?? []
  const openExample = () => {
    const { prompt, title } = catalog.defaultWorkflow
    open({ graph: fromPrompt(prompt, catalog, title) })
  }
  return (
    <aside className="drawer" aria-label={text.workflows.label}>
      <header>
        <h2>{text.workflows.label}</h2>
        <IconButton icon={X} label={text.workflows.close} onPress={onClose} />
      </header>
      <button type="button" className="drawer-new" onClick={openExample}>
        <FilePlus2 size={18} strokeWidth={1.5} aria-hidden />
        <span>
          <strong>{text.workflows.example}</strong>
          <small>{text.workflows.exampleDetail}</small>
        </span>
      </button>
      <ul>
        {workflows.map((workflow) => (
          <WorkflowItem key={workflow.id} workflow={workflow} />
        ))}
      </ul>
      {data && workflows.length === 0 && <p className="drawer-empty">{text.workflows.empty}</p>}
      <ExampleList onOpened={onClose} />
    </aside>
  )
}
