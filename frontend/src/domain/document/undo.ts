// Undo of one person's changes. Gestures call `seal` at their end, so that each is a step of its own.
import * as Y from 'yjs'

import { BY_ME, type WorkflowDocument } from './document'

/** Quick successive edits, such as typing, are one step. */
const CAPTURE_MS = 400

export interface UndoHistory {
  readonly undo: () => void
  readonly redo: () => void
  readonly seal: () => void
}

export function createUndo(document: WorkflowDocument): UndoHistory {
  const parts = [document.nodes, document.links, document.layout, document.meta]
  const manager = new Y.UndoManager(parts, {
    trackedOrigins: new Set([BY_ME]),
    captureTimeout: CAPTURE_MS,
  })
  return {
    undo: () => manager.undo(),
    redo: () => manager.redo(),
    seal: () => manager.stopCapturing(),
  }
}
