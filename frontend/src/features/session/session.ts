// One open workflow: its document with undo, and what this person sees of it.
import { createDocument, type WorkflowDocument } from '@/domain/document/document'
import { fillDocument } from '@/domain/document/operations'
import { observeGraph, type GraphStore } from '@/domain/document/snapshot'
import { createUndo, type UndoHistory } from '@/domain/document/undo'
import type { Graph } from '@/domain/graph/types'
import { randomToken } from '@/shared/lib/ids'

import { createView, type SavedFile, type View } from './view'

export interface Session {
  /** Names this document in the runs that it starts, so that their results find back to it. */
  readonly clientRef: string
  readonly document: WorkflowDocument
  readonly graph: GraphStore
  readonly undo: UndoHistory
  readonly view: View
}

export interface Opening {
  readonly graph: Graph
  readonly clientRef?: string
  readonly file?: SavedFile | null
  readonly isSaved?: boolean
}

export function openSession({ graph, clientRef, file = null, isSaved = false }: Opening): Session {
  const document = createDocument()
  fillDocument(document, graph)
  const view = createView(file, isSaved)
  const store = observeGraph(document)
  store.subscribe(() => {
    if (view.getState().isSaved) view.setState({ isSaved: false })
  })
  return {
    clientRef: clientRef ?? randomToken(),
    document,
    graph: store,
    undo: createUndo(document),
    view,
  }
}
