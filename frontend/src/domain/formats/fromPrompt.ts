// Reading an API prompt as a graph. It has no positions: the layout comes from ../layout.
import { defaultParams, type Catalog } from '../catalog/types'
import { seedModesOf } from '../graph/create'
import { layOutGraph } from '../layout/layered'
import { asJson, asText, isArray, isObject } from '../graph/json'
import {
  makeGraph,
  type Graph,
  type GraphNode,
  type Json,
  type JsonObject,
  type Link,
} from '../graph/types'

export function isPrompt(document: unknown): document is JsonObject {
  if (!isObject(document)) return false
  const nodes = Object.values(document)
  return (
    nodes.length > 0 &&
    nodes.every((node) => isObject(node) && isObject(node['inputs']) && 'class_type' in node)
  )
}

export function fromPrompt(prompt: JsonObject, catalog: Catalog, title: string): Graph {
  const entries = Object.entries(prompt).flatMap(([id, node]) =>
    isObject(node) ? [{ id: plainId(id), node }] : [],
  )
  const ids = new Set(entries.map((entry) => entry.id))
  const links = entries.flatMap(({ id, node }) => linksOf(id, node, ids))
  const nodes = entries.map(({ id, node }) => readNode(id, node, links, catalog))
  return layOutGraph(makeGraph({ title, nodes, links }), catalog)
}

/** Ids of nodes inside subgraphs are paths, "57:3"; a path is no id of a plain graph. */
function plainId(id: string): string {
  return id.replaceAll(':', '_')
}

function linksOf(
  id: string,
  node: Readonly<Record<string, unknown>>,
  ids: ReadonlySet<string>,
): readonly Link[] {
  const inputs = isObject(node['inputs']) ? node['inputs'] : {}
  return Object.entries(inputs).flatMap(([input, value]) => {
    const source = readLink(value)
    return source && ids.has(source.source) ? [{ ...source, target: id, input }] : []
  })
}

function readLink(value: unknown): { source: string; output: number } | null {
  if (!isArray(value) || value.length !== 2) return null
  const [source, output] = value
  if (typeof output !== 'number' || !(typeof source === 'string' || typeof source === 'number')) {
    return null
  }
  return { source: plainId(String(source)), output }
}

function readNode(
  id: string,
  node: Readonly<Record<string, unknown>>,
  links: readonly Link[],
  catalog: Catalog,
): GraphNode {
  const typeName = asText(node['class_type']) ?? ''
  const type = catalog.types.get(typeName)
  const inputs = isObject(node['inputs']) ? node['inputs'] : {}
  const given = Object.entries(inputs).filter(([, value]) => readLink(value) === null)
  const values: Record<string, Json> = Object.fromEntries(
    given.map(([name, value]) => [name, unwrap(value)]),
  )
  return {
    id,
    type: typeName,
    title: readTitle(node, type?.title ?? typeName),
    mode: 'active',
    params: { ...(type ? defaultParams(type, catalog) : {}), ...values },
    seedModes: type ? seedModesOf(type) : {},
    saved: type ? null : socketsFromLinks(id, links),
    position: { x: 0, y: 0 },
  }
}

function unwrap(value: unknown): Json {
  return asJson(isObject(value) && '__value__' in value ? value['__value__'] : value)
}

function readTitle(node: Readonly<Record<string, unknown>>, usual: string): string | null {
  const title = isObject(node['_meta']) ? asText(node['_meta']['title']) : null
  return title === null || title === usual ? null : title
}

/** A node of an unknown type has the ports that links speak of. */
function socketsFromLinks(id: string, links: readonly Link[]): JsonObject {
  const outputs = links.filter((link) => link.source === id).map((link) => link.output)
  const inputs = links.filter((link) => link.target === id).map((link) => link.input)
  return {
    inputs: inputs.map((name) => ({ name, type: '*' })),
    outputs: Array.from({ length: Math.max(-1, ...outputs) + 1 }, (_, slot) => ({
      name: String(slot),
      type: '*',
    })),
  }
}
