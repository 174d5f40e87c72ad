// widgets_values: the values of a saved node's widgets, a list in schema order or an object by name.
import { isSeed, widgetsOf, type InputType, type NodeType } from '../catalog/types'
import { asJson, asText, isArray, isObject } from '../graph/json'
import type { Json } from '../graph/types'

type SavedNode = Readonly<Record<string, unknown>>

/** Values by name; what is saved by name wins over the list, which breaks when a schema changes. */
export function readParams(node: SavedNode, type: NodeType): Readonly<Record<string, Json>> {
  const widgets = widgetsOf(type)
  const named = isObject(node['widgets_values_named']) ? node['widgets_values_named'] : {}
  const listed = readListed(node, widgets)
  const params: Record<string, Json> = {}
  for (const { name } of widgets) {
    const value = named[name] ?? listed.values.get(name)
    if (value !== undefined && value !== null) params[name] = asJson(value)
  }
  return params
}

export function readSavedSeedModes(
  node: SavedNode,
  type: NodeType,
): Readonly<Record<string, string>> {
  return Object.fromEntries(readListed(node, widgetsOf(type)).modes)
}

interface Listed {
  readonly values: ReadonlyMap<string, unknown>
  readonly modes: ReadonlyMap<string, string>
}

function readListed(node: SavedNode, widgets: readonly InputType[]): Listed {
  const saved = node['widgets_values']
  if (isObject(saved)) return { values: new Map(Object.entries(saved)), modes: new Map() }
  const queue = isArray(saved) ? [...saved] : []
  const values = new Map<string, unknown>()
  const modes = new Map<string, string>()
  for (const input of widgets) {
    if (queue.length === 0) break
    values.set(input.name, queue.shift())
    if (isSeed(input)) modes.set(input.name, asText(queue.shift()) ?? '')
  }
  return { values, modes }
}
