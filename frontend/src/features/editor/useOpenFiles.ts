// Files that somebody drops or pastes: graphs are opened, other pictures are loaded by a node.
import { useCallback } from 'react'

import type { Catalog, NodeType } from '@/domain/catalog/types'
import { insertNodes } from '@/domain/document/operations'
import { openPng, openText } from '@/domain/formats/open'
import { newNode } from '@/domain/graph/create'
import type { Graph, Position } from '@/domain/graph/types'
import { useUploadPicture } from '@/features/gallery'
import { useStudio } from '@/features/session'
import { text } from '@/shared/messages'
import { useToast } from '@/shared/ui/toasts'

export type OpenFiles = (files: readonly File[], at: Position) => void

const SPREAD = 48

export function useOpenFiles(): OpenFiles {
  const { session, catalog, open } = useStudio()
  const upload = useUploadPicture()
  const showToast = useToast()

  const openFile = async (file: File, at: Position) => {
    const graph = await readGraph(file, catalog)
    if (graph) {
      open({ graph })
      showToast(text.editor.opened(file.name), 'good')
      return
    }
    const type = loaderOf(catalog)
    const input = type?.inputs.find((each) => each.upload)
    if (!file.type.startsWith('image/') || !type || !input) {
      showToast(text.editor.notOpened(file.name), 'bad')
      return
    }
    const asset = await upload(file)
    if (!asset) return
    const node = newNode(session.graph.getSnapshot(), type, catalog, at, {
      [input.name]: asset.name,
    })
    insertNodes(session.document, [node], [])
    session.undo.seal()
    session.view.setState({ selection: new Set([node.id]) })
  }

  const openAll = async (files: readonly File[], at: Position) => {
    for (const [index, file] of files.entries()) {
      await openFile(file, { x: at.x + index * SPREAD, y: at.y + index * SPREAD })
    }
  }
  return useCallback(
    (files, at) => void openAll(files, at),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- openAll is made of these
    [session, catalog, open],
  )
}

/** Null for a file that holds no graph. */
async function readGraph(file: File, catalog: Catalog): Promise<Graph | null> {
  const title = file.name.replace(/\.[^.]+$/, '')
  if (file.type === 'image/png' || file.name.endsWith('.png')) {
    return openPng(new Uint8Array(await file.arrayBuffer()), catalog, title)
  }
  if (file.type === 'application/json' || file.name.endsWith('.json')) {
    return openText(await file.text(), catalog, title)
  }
  return null
}

/** The node type that loads an uploaded picture. */
function loaderOf(catalog: Catalog): NodeType | undefined {
  return [...catalog.types.values()].find((type) =>
    type.inputs.some((input) => input.upload === 'image'),
  )
}
