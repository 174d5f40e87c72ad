import type { Catalog, NodeType } from '@/domain/catalog/types'
import type { Drag } from '@/domain/connections/gestures'
import { areTypesCompatible } from '@/domain/connections/types'

/** Types with a port that the waiting link fits; all of them without one. */
export function connectableTypes(catalog: Catalog, drag: Drag | null): readonly NodeType[] {
  const types = [...catalog.types.values()]
  if (!drag) return types
  return types.filter((type) => {
    const ports = drag.from.side === 'out' ? type.inputs : type.outputs
    return ports.some((port) => areTypesCompatible(port.type, drag.type))
  })
}
