// Writing a graph as ComfyUI saves it: UI workflow JSON, version 0.4.
import { formOf, sizeOf, type NodeForm } from '../catalog/form'
import { isSeed, widgetsOf, type Catalog, type InputType } from '../catalog/types'
import {
  linkKey,
  type Graph,
  type GraphNode,
  type Json,
  type JsonObject,
  type Link,
} from '../graph/types'

const VERSION = 0.4
const OPTIONAL_SHAPE = 7
const MODES = { active: 0, muted: 2, bypassed: 4 } as const

interface Numbering {
  readonly link: ReadonlyMap<string, number>
  /** Links out of a port, by "node/output". */
  readonly outgoing: ReadonlyMap<string, readonly number[]>
}

export function toWorkflow(graph: Graph, catalog: Catalog): JsonObject {
  const numbering = numberLinks(graph)
  const nodes = [...graph.nodes.values()]
  return {
    ...graph.saved,
    last_node_id: Math.max(0, ...nodes.map((node) => Number(node.id) || 0)),
    last_link_id: graph.links.size,
    nodes: nodes.map((node, order) => writeNode(node, order, catalog, numbering)),
    links: [...graph.links].flatMap(([key, link]) =>
      writeLink(graph, catalog, key, link, numbering),
    ),
    groups: graph.saved?.['groups'] ?? [],
    config: graph.saved?.['config'] ?? {},
    extra: { ...asRecord(graph.saved?.['extra']), title: graph.title },
    version: VERSION,
  }
}

function asRecord(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {}
}

function numberLinks(graph: Graph): Numbering {
  const link = new Map<string, number>()
  const outgoing = new Map<string, number[]>()
  for (const [key, { source, output }] of graph.links) {
    const number = link.size + 1
    link.set(key, number)
    const port = portKey(source, output)
    outgoing.set(port, [...(outgoing.get(port) ?? []), number])
  }
  return { link, outgoing }
}

function portKey(node: string, output: number): string {
  return `${node}/${String(output)}`
}

function writeNode(
  node: GraphNode,
  order: number,
  catalog: Catalog,
  numbering: Numbering,
): JsonObject {
  const type = catalog.types.get(node.type)
  const form = formOf(node, catalog)
  const { width, height } = sizeOf(form, null)
  return {
    ...node.saved,
    id: numericId(node.id),
    type: node.type,
    pos: [node.position.x, node.position.y],
    size: node.saved?.['size'] ?? [width, height],
    flags: node.saved?.['flags'] ?? {},
    order,
    mode: MODES[node.mode],
    inputs: writeInputs(node, form, numbering),
    outputs: form.outputs.map((port) => ({
      name: port.name,
      type: port.type,
      links: [...(numbering.outgoing.get(portKey(node.id, port.slot)) ?? [])],
      slot_index: port.slot,
    })),
    ...(node.title === null ? {} : { title: node.title }),
    properties: { ...asRecord(node.saved?.['properties']), 'Node name for S&R': node.type },
    ...(type ? writeValues(node, widgetsOf(type)) : {}),
  }
}

/** Files have numbers where ids are numbers; ids such as "57_3" stay text. */
function numericId(id: string): Json {
  const number = Number(id)
  return Number.isInteger(number) ? number : id
}

function writeInputs(node: GraphNode, form: NodeForm, numbering: Numbering): readonly Json[] {
  const widgets = new Set(form.rows.flatMap((row) => row.input?.name ?? []))
  return form.inputs.map((port) => ({
    name: port.name,
    type: port.type,
    link: numbering.link.get(linkKey({ node: node.id, input: port.name })) ?? null,
    ...(widgets.has(port.name) ? { widget: { name: port.name } } : {}),
    ...(port.isOptional ? { shape: OPTIONAL_SHAPE } : {}),
  }))
}

function writeValues(node: GraphNode, widgets: readonly InputType[]): JsonObject {
  const hasUpload = widgets.some((input) => input.upload)
  return {
    widgets_values: [
      ...widgets.flatMap((input): readonly Json[] => {
        const value = node.params[input.name] ?? null
        return isSeed(input) ? [value, node.seedModes[input.name] ?? 'randomize'] : [value]
      }),
      // The upload button is a widget of its own in ComfyUI.
      ...(hasUpload ? ['image'] : []),
    ],
    widgets_values_named: { ...node.params },
  }
}

function writeLink(
  graph: Graph,
  catalog: Catalog,
  key: string,
  link: Link,
  numbering: Numbering,
): readonly Json[] {
  const source = graph.nodes.get(link.source)
  const target = graph.nodes.get(link.target)
  if (!source || !target) return []
  const slot = formOf(target, catalog).inputs.findIndex((port) => port.name === link.input)
  const type = formOf(source, catalog).outputs[link.output]?.type ?? '*'
  const number = numbering.link.get(key) ?? 0
  return [[number, numericId(link.source), link.output, numericId(link.target), slot, type]]
}
