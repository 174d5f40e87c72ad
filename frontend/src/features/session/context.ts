// The open workflow, for every component below the editor.
import { createContext, useContext, useSyncExternalStore } from 'react'
import { useStore } from 'zustand'

import type { Catalog } from '@/domain/catalog/types'
import type { Graph, GraphNode, Link, NodeId } from '@/domain/graph/types'
import { linkInto } from '@/domain/graph/types'

import type { Opening, Session } from './session'
import type { ViewState } from './view'

export interface Studio {
  readonly slug: string
  readonly catalog: Catalog
  readonly session: Session
  /** Replaces the open workflow; the one before stays in no one's way. */
  readonly open: (opening: Opening) => void
}

export const StudioContext = createContext<Studio | null>(null)

export function useStudio(): Studio {
  const studio = useContext(StudioContext)
  if (!studio) throw new Error('this component works inside the editor only')
  return studio
}

export function useSession(): Session {
  return useStudio().session
}

export function useCatalog(): Catalog {
  return useStudio().catalog
}

/** A part of the graph; `select` must give the same object for the same state. */
export function useGraphPart<T>(select: (graph: Graph) => T): T {
  const { graph } = useSession()
  return useSyncExternalStore(graph.subscribe, () => select(graph.getSnapshot()))
}

export function useGraph(): Graph {
  return useGraphPart((graph) => graph)
}

export function useNode(id: NodeId): GraphNode | undefined {
  return useGraphPart((graph) => graph.nodes.get(id))
}

export function useLinkInto(node: NodeId, input: string): Link | undefined {
  return useGraphPart((graph) => linkInto(graph, node, input))
}

export function useView<T>(select: (view: ViewState) => T): T {
  return useStore(useSession().view, select)
}
