import { formOfType, TITLE_HEIGHT } from '@/domain/catalog/form'
import type { NodeType } from '@/domain/catalog/types'
import { dropOn, findFit } from '@/domain/connections/gestures'
import { applyChange, insertNodes } from '@/domain/document/operations'
import { newNode } from '@/domain/graph/create'
import type { PaletteRequest, Studio } from '@/features/session'

/** Adds a node where it was asked for, linked to the link that waits; the new node is selected. */
export function addNode(studio: Studio, type: NodeType, { flow, drag }: PaletteRequest): void {
  const { session, catalog } = studio
  const { width } = formOfType(type)
  // A link from the left ends at the new node's left side.
  const left = drag?.from.side === 'out' ? 0 : drag ? -width : -width / 2
  const position = { x: flow.x + left, y: flow.y - TITLE_HEIGHT / 2 }
  const node = newNode(session.graph.getSnapshot(), type, catalog, position)
  insertNodes(session.document, [node], [])
  const graph = session.graph.getSnapshot()
  const to = drag && findFit(graph, catalog, drag, node.id)
  const change = to && dropOn(graph, catalog, drag, to)
  if (change) applyChange(session.document, change)
  session.undo.seal()
  session.view.setState({ selection: new Set([node.id]) })
}
