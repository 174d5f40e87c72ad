import { useState, type FormEvent } from 'react'

import { renameWorkflow } from '@/domain/document/operations'
import { useGraphPart, useSession } from '@/features/session'
import { text } from '@/shared/messages'
import { Modal } from '@/shared/ui/Modal'

import { useSaveWorkflow } from './workflows'

/** Asks for a name, the first time that a workflow is saved. */
export function SaveDialog({ onClose }: { readonly onClose: () => void }) {
  const { document } = useSession()
  const title = useGraphPart((graph) => graph.title)
  const save = useSaveWorkflow()
  const [name, setName] = useState(title)
  const [isSaving, setIsSaving] = useState(false)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setIsSaving(true)
    renameWorkflow(document, name.trim())
    const isSaved = await save(name.trim())
    setIsSaving(false)
    if (isSaved) onClose()
  }
  return (
    <Modal label={text.workflows.saveTitle} className="dialog" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <h2>{text.workflows.saveTitle}</h2>
        <div className="form-field">
          <label htmlFor="workflow-name">{text.workflows.nameLabel}</label>
          <input
            id="workflow-name"
            autoFocus
            required
            maxLength={200}
            value={name}
            onFocus={(event) => event.target.select()}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            {text.workflows.cancel}
          </button>
          <button type="submit" className="button button-run" disabled={isSaving || !name.trim()}>
            {isSaving ? text.workflows.saving : text.workflows.saveAction}
          </button>
        </div>
      </form>
    </Modal>
  )
}
