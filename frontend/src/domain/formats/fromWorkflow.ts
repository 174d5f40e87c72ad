// Reading UI workflow JSON, version 0.4, of any front end version.
import { defaultParams, isSeed, type Catalog, type NodeType } from '../catalog/types'
import { asId, asJsonObject, asNumber, asText, isArray, isObject, without } from '../graph/json'
import {
  makeGraph,
  SEED_MODES,
  type Graph,
  type GraphNode,
  type JsonObject,
  type Link,
  type NodeMode,
  type Position,
  type SeedMode,
} from '../graph/types'
import { readParams, readSavedSeedModes } from './widgetValues'

const MUTED = 2
const BYPASSED = 4
/** What the graph itself carries; the rest of a saved node goes back into the file untouched. */
const OWN_NODE_KEYS: ReadonlySet<string> = new Set(['id', 'type', 'pos', 'mode', 'title', 'order'])
const KNOWN_NODE_KEYS: ReadonlySet<string> = new Set([
  ...OWN_NODE_KEYS,
  'inputs',
  'outputs',
  'widgets_values',
  'widgets_values_named',
])
const ROOT_KEYS: ReadonlySet<string> = new Set(['nodes', 'links', 'last_node_id', 'last_link_id'])

export function isWorkflow(document: unknown): document is JsonObject {
  return isObject(document) && isArray(document['nodes'])
}

export function fromWorkflow(workflow: JsonObject, catalog: Catalog, title: string): Graph {
  const list: readonly unknown[] = isArray(workflow['nodes']) ? workflow['nodes'] : []
  const saved = list.filter(isObject)
  const extra = asJsonObject(workflow['extra'])
  return makeGraph({
    title: asText(extra['title']) ?? title,
    nodes: saved.flatMap((node) => readNode(node, catalog) ?? []),
    links: readLinks(workflow, saved),
    saved: without(workflow, ROOT_KEYS),
  })
}

function readNode(node: Readonly<Record<string, unknown>>, catalog: Catalog): GraphNode | null {
  const id = asId(node['id'])
  const typeName = asText(node['type'])
  if (id === null || typeName === null) return null
  const type = catalog.types.get(typeName)
  const title = asText(node['title'])
  return {
    id,
    type: typeName,
    title: title === typeName || title === type?.title ? null : title,
    mode: readMode(node['mode']),
    params: type ? { ...defaultParams(type, catalog), ...readParams(node, type) } : {},
    seedModes: type ? readSeedModes(node, type) : {},
    saved: without(asJsonObject(node), type ? KNOWN_NODE_KEYS : OWN_NODE_KEYS),
    position: readPosition(node['pos']),
  }
}

function readSeedModes(
  node: Readonly<Record<string, unknown>>,
  type: NodeType,
): Readonly<Record<string, SeedMode>> {
  const found = readSavedSeedModes(node, type)
  return Object.fromEntries(
    type.inputs
      .filter(isSeed)
      .map((input) => [
        input.name,
        SEED_MODES.find((mode) => mode === found[input.name]) ?? 'randomize',
      ]),
  )
}

function readMode(mode: unknown): NodeMode {
  return mode === MUTED ? 'muted' : mode === BYPASSED ? 'bypassed' : 'active'
}

/** Positions are pairs, or objects with the keys "0" and "1". */
function readPosition(value: unknown): Position {
  const pair = isArray(value) ? value : isObject(value) ? [value['0'], value['1']] : []
  return { x: asNumber(pair[0]) ?? 0, y: asNumber(pair[1]) ?? 0 }
}

/** Links name the target's port by its place among the saved inputs; the schema's order may have changed. */
function readLinks(
  workflow: JsonObject,
  nodes: readonly Readonly<Record<string, unknown>>[],
): readonly Link[] {
  const byId = new Map(nodes.map((node) => [asId(node['id']), node]))
  const list: readonly unknown[] = isArray(workflow['links']) ? workflow['links'] : []
  return list.flatMap((entry) => {
    const [source, output, target, slot] = isArray(entry) ? entry.slice(1) : linkFields(entry)
    const inputs = byId.get(asId(target))?.['inputs']
    const input: unknown = isArray(inputs) ? inputs[asNumber(slot) ?? -1] : undefined
    const name = isObject(input) ? asText(input['name']) : null
    const [sourceId, targetId] = [asId(source), asId(target)]
    if (sourceId === null || targetId === null || name === null) return []
    return [{ source: sourceId, output: asNumber(output) ?? 0, target: targetId, input: name }]
  })
}

/** Schema 1 writes links as objects. */
function linkFields(entry: unknown): readonly unknown[] {
  if (!isObject(entry)) return []
  return [entry['origin_id'], entry['origin_slot'], entry['target_id'], entry['target_slot']]
}
