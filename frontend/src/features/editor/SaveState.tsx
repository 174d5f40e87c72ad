import { useView } from '@/features/session'
import { text } from '@/shared/messages'

/** Whether the open workflow is saved as it stands, or kept as a draft. */
export function SaveState() {
  const isSaved = useView((view) => view.isSaved)
  return (
    <span className="save-state" data-saved={isSaved}>
      {isSaved ? text.editor.allSaved : text.editor.draftKept}
    </span>
  )
}
