// The API prompt: what runs. A flat map of id to {class_type, inputs}; a link is [source id, slot].
import { formOf } from '../catalog/form'
import type { Catalog } from '../catalog/types'
import { areTypesCompatible } from '../connections/types'
import {
  linkInto,
  type Graph,
  type GraphNode,
  type Json,
  type JsonObject,
  type Link,
} from '../graph/types'

/** Notes are for people, and a reroute only bends a link: neither is ever sent. */
const NOTES: ReadonlySet<string> = new Set(['Note', 'MarkdownNote'])
const REROUTE = 'Reroute'

interface Source {
  readonly node: string
  readonly output: number
}

export function toPrompt(graph: Graph, catalog: Catalog): JsonObject {
  const sent = [...graph.nodes.values()].filter((node) => isSent(node))
  return Object.fromEntries(
    sent.map((node) => [
      node.id,
      {
        class_type: node.type,
        inputs: { ...wrapArrays(node.params), ...linkedInputs(graph, catalog, node) },
        _meta: { title: node.title ?? catalog.types.get(node.type)?.title ?? node.type },
      },
    ]),
  )
}

function isSent(node: GraphNode): boolean {
  return node.mode === 'active' && !NOTES.has(node.type) && node.type !== REROUTE
}

/** A JSON array in a prompt means a link, so values that are arrays are wrapped. */
function wrapArrays(params: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      Array.isArray(value) ? { __value__: value as Json } : value,
    ]),
  )
}

function linkedInputs(graph: Graph, catalog: Catalog, node: GraphNode): JsonObject {
  const inputs: Record<string, Json> = {}
  for (const link of graph.links.values()) {
    if (link.target !== node.id) continue
    const type = typeOfInput(catalog, node, link.input)
    const source = findSource(graph, catalog, link, type)
    if (source) inputs[link.input] = [source.node, source.output]
  }
  return inputs
}

/** The node that really gives the value: through reroutes and bypassed nodes. Null if nothing does. */
function findSource(graph: Graph, catalog: Catalog, link: Link, type: string): Source | null {
  const seen = new Set<string>()
  let current: Link | undefined = link
  while (current && !seen.has(current.source)) {
    seen.add(current.source)
    const node = graph.nodes.get(current.source)
    if (!node || node.mode === 'muted') return null
    if (node.type !== REROUTE && node.mode === 'active') {
      return { node: current.source, output: current.output }
    }
    const input = passedInput(catalog, node, current.output, type)
    current = input === null ? undefined : linkInto(graph, node.id, input)
  }
  return null
}

/** The input whose value a bypassed node hands on at `output` to a consumer of `type`. */
function passedInput(
  catalog: Catalog,
  node: GraphNode,
  output: number,
  type: string,
): string | null {
  const form = formOf(node, catalog)
  if (type === '*' || type === '') return (form.inputs[output] ?? form.inputs[0])?.name ?? null
  const outputType = form.outputs[output]?.type ?? '*'
  const fits = (candidate: string) =>
    areTypesCompatible(candidate, outputType) && areTypesCompatible(candidate, type)
  const opposite = form.inputs[output]
  if (opposite && fits(opposite.type)) return opposite.name
  const exact = form.inputs.find((port) => port.type === type)
  return (exact ?? form.inputs.find((port) => fits(port.type)))?.name ?? null
}

function typeOfInput(catalog: Catalog, node: GraphNode, input: string): string {
  return formOf(node, catalog).inputs.find((port) => port.name === input)?.type ?? '*'
}
