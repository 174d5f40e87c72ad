// What one person sees of one open workflow: shared with nobody, undone by nothing.
import { createStore, type StoreApi } from 'zustand/vanilla'

import type { Drag } from '@/domain/connections/gestures'
import type { NodeId, Position } from '@/domain/graph/types'
import type { Fault } from '@/shared/api/problem'

/** Where the add-node search stands, and what it adds to. */
export interface PaletteRequest {
  readonly screen: Position
  readonly flow: Position
  /** A link that waits for its other end. */
  readonly drag: Drag | null
}

/** The saved workflow that is open, and the version that edits are based on. */
export interface SavedFile {
  readonly id: string
  readonly version: number
}

export interface ViewState {
  readonly selection: ReadonlySet<NodeId>
  readonly drag: Drag | null
  /** Faults that the service found in the prompt; gone with the next run. */
  readonly faults: readonly Fault[]
  readonly palette: PaletteRequest | null
  readonly file: SavedFile | null
  readonly isSaved: boolean
  /** The node that the camera shall go to; a new object for each jump. */
  readonly jump: { readonly node: NodeId } | null
}

export type View = StoreApi<ViewState>

export function createView(file: SavedFile | null, isSaved: boolean): View {
  return createStore<ViewState>(() => ({
    selection: new Set(),
    drag: null,
    faults: [],
    palette: null,
    file,
    isSaved,
    jump: null,
  }))
}
