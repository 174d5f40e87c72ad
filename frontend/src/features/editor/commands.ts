// What can be done, each in one place: buttons and keys call the same commands.
import type { RefObject } from 'react'

import { copyNodes, renewFragment } from '@/domain/document/clipboard'
import { insertNodes, removeLinks, removeNodes, setMode } from '@/domain/document/operations'
import type { NodeMode } from '@/domain/graph/types'
import type { CanvasPort } from '@/features/canvas'
import type { RunActions } from '@/features/runs'
import { useSession, type Session } from '@/features/session'
import { useSaveWorkflow } from '@/features/workflows'

const DUPLICATE_OFFSET = { x: 32, y: 32 }

interface Surroundings {
  readonly canvas: RefObject<CanvasPort | null>
  readonly runs: RunActions
  readonly askForName: () => void
  readonly toggleWorkflows: () => void
  readonly showShortcuts: () => void
}

export function useCommands({ canvas, runs, ...panels }: Surroundings) {
  const session = useSession()
  const saveWorkflow = useSaveWorkflow()
  const { undo } = session

  const save = () => {
    if (session.view.getState().file) void saveWorkflow(session.graph.getSnapshot().title)
    else panels.askForName()
  }
  const addNode = () => {
    const middle = canvas.current?.middle()
    if (middle) session.view.setState({ palette: { ...middle, drag: null } })
  }
  return {
    run: () => void runs.start(),
    cancel: () => void runs.cancel(),
    save,
    addNode,
    undo: undo.undo,
    redo: undo.redo,
    remove: () => removeSelection(session, canvas.current?.selectedLinks() ?? new Set()),
    selectAll: () =>
      session.view.setState({ selection: new Set(session.graph.getSnapshot().nodes.keys()) }),
    duplicate: () => duplicateSelection(session),
    mute: () => toggleMode(session, 'muted'),
    bypass: () => toggleMode(session, 'bypassed'),
    fit: () => canvas.current?.fit(),
    actualSize: () => canvas.current?.zoomTo(1),
    toggleWorkflows: panels.toggleWorkflows,
    showShortcuts: panels.showShortcuts,
  }
}

export type Commands = ReturnType<typeof useCommands>
export type CommandName = keyof Commands

function removeSelection(session: Session, links: ReadonlySet<string>): void {
  const { selection } = session.view.getState()
  if (selection.size > 0) removeNodes(session.document, selection)
  if (links.size > 0) removeLinks(session.document, links)
  session.undo.seal()
  session.view.setState({ selection: new Set() })
}

function duplicateSelection(session: Session): void {
  const graph = session.graph.getSnapshot()
  const copied = copyNodes(graph, session.view.getState().selection)
  if (copied.nodes.length === 0) return
  const fragment = renewFragment(copied, graph, DUPLICATE_OFFSET)
  insertNodes(session.document, fragment.nodes, fragment.links)
  session.undo.seal()
  session.view.setState({ selection: new Set(fragment.nodes.map((node) => node.id)) })
}

/** Sets the mode, or takes it back where all selected nodes have it. */
function toggleMode(session: Session, mode: NodeMode): void {
  const { selection } = session.view.getState()
  const { nodes } = session.graph.getSnapshot()
  const isSet = [...selection].every((id) => nodes.get(id)?.mode === mode)
  setMode(session.document, selection, isSet ? 'active' : mode)
  session.undo.seal()
}
