import { useState } from 'react'

import { renameWorkflow } from '@/domain/document/operations'
import { useGraphPart, useSession } from '@/features/session'
import { text } from '@/shared/messages'

/** The workflow's title; a click renames it. */
export function DocumentTitle() {
  const { document } = useSession()
  const title = useGraphPart((graph) => graph.title) || text.editor.untitled
  const [isRenaming, setIsRenaming] = useState(false)

  if (!isRenaming) {
    return (
      <button
        type="button"
        className="document-title"
        title={text.editor.rename}
        onClick={() => setIsRenaming(true)}
      >
        {title}
      </button>
    )
  }
  return (
    <input
      className="document-title"
      aria-label={text.editor.titleLabel}
      autoFocus
      defaultValue={title}
      size={Math.max(12, title.length)}
      onFocus={(event) => event.target.select()}
      onBlur={(event) => {
        setIsRenaming(false)
        if (event.target.value.trim()) renameWorkflow(document, event.target.value.trim())
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
        if (event.key === 'Escape') setIsRenaming(false)
      }}
    />
  )
}
