import { useEffect } from 'react'

import {
  copyNodes,
  readClipboard,
  renewFragment,
  writeClipboard,
} from '@/domain/document/clipboard'
import { insertNodes, removeNodes } from '@/domain/document/operations'
import { useSession, type Session } from '@/features/session'

import type { OpenFiles } from './useOpenFiles'
import { isTyping } from './useShortcuts'

const OFFSET = { x: 40, y: 40 }

/** Nodes through the clipboard, and pictures and workflow files out of it. */
export function useClipboard(openFiles: OpenFiles): void {
  const session = useSession()

  useEffect(() => {
    const copy = (event: ClipboardEvent) => {
      if (isBusyElsewhere(event.target)) return
      const fragment = copyNodes(session.graph.getSnapshot(), session.view.getState().selection)
      if (fragment.nodes.length === 0) return
      event.preventDefault()
      event.clipboardData?.setData('text/plain', writeClipboard(fragment))
      if (event.type === 'cut')
        removeNodes(session.document, new Set(fragment.nodes.map((node) => node.id)))
    }
    const paste = (event: ClipboardEvent) => {
      if (isBusyElsewhere(event.target)) return
      const files = [...(event.clipboardData?.files ?? [])]
      if (files.length > 0) openFiles(files, { x: 0, y: 0 })
      else pasteNodes(session, event.clipboardData?.getData('text/plain') ?? '')
    }
    window.addEventListener('copy', copy)
    window.addEventListener('cut', copy)
    window.addEventListener('paste', paste)
    return () => {
      window.removeEventListener('copy', copy)
      window.removeEventListener('cut', copy)
      window.removeEventListener('paste', paste)
    }
  }, [session, openFiles])
}

function isBusyElsewhere(target: EventTarget | null): boolean {
  return isTyping(target) || document.querySelector('dialog[open]') !== null
}

function pasteNodes(session: Session, content: string): void {
  const copied = readClipboard(content)
  if (!copied) return
  const fragment = renewFragment(copied, session.graph.getSnapshot(), OFFSET)
  insertNodes(session.document, fragment.nodes, fragment.links)
  session.undo.seal()
  session.view.setState({ selection: new Set(fragment.nodes.map((node) => node.id)) })
}
