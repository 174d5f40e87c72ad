// The server's catalog of node types, parsed once and indexed by name.
import * as v from 'valibot'

import type { Json, JsonObject } from '../graph/types'

/** Wire form: absent and null mean the same. */
const optional = <T extends v.GenericSchema>(schema: T) => v.optional(v.nullable(schema))

const INPUT = v.object({
  name: v.string(),
  type: v.string(),
  required: v.boolean(),
  default: v.optional(v.unknown()),
  min: optional(v.number()),
  max: optional(v.number()),
  step: optional(v.number()),
  round: optional(v.number()),
  multiline: optional(v.boolean()),
  choices: optional(v.array(v.string())),
  files: optional(v.string()),
  upload: optional(v.string()),
  control_after_generate: optional(v.boolean()),
  tooltip: optional(v.string()),
  display: optional(v.string()),
})

const NODE = v.object({
  name: v.string(),
  title: v.string(),
  category: v.string(),
  description: v.string(),
  is_output: v.boolean(),
  inputs: v.array(INPUT),
  outputs: v.array(v.object({ name: v.string(), type: v.string(), is_list: v.boolean() })),
})

const CATALOG = v.object({
  nodes: v.array(NODE),
  files: v.record(v.string(), v.array(v.string())),
  default_workflow: v.object({ title: v.string(), prompt: v.record(v.string(), v.unknown()) }),
})

export type InputType = v.InferOutput<typeof INPUT>
export type NodeType = v.InferOutput<typeof NODE>

export interface Catalog {
  readonly types: ReadonlyMap<string, NodeType>
  readonly files: Readonly<Record<string, readonly string[]>>
  readonly defaultWorkflow: { readonly title: string; readonly prompt: JsonObject }
}

/** Raises valibot's error for a document that is no catalog. */
export function parseCatalog(document: unknown): Catalog {
  const { nodes, files, default_workflow } = v.parse(CATALOG, document)
  return {
    types: new Map(nodes.map((node) => [node.name, node])),
    files,
    defaultWorkflow: {
      title: default_workflow.title,
      prompt: default_workflow.prompt as JsonObject,
    },
  }
}

const WIDGET_TYPES: ReadonlySet<string> = new Set(['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO'])

/** Whether people edit the input's value on the node; other inputs are ports alone. */
export function isWidget(input: InputType): boolean {
  return WIDGET_TYPES.has(input.type)
}

/** Widgets in the order in which files list their values: required ones first. */
export function widgetsOf(type: NodeType): readonly InputType[] {
  const widgets = type.inputs.filter(isWidget)
  return [
    ...widgets.filter((input) => input.required),
    ...widgets.filter((input) => !input.required),
  ]
}

/** Whether the input is a seed that can change after each run. */
export function isSeed(input: InputType): boolean {
  if (input.type !== 'INT') return false
  return input.control_after_generate ?? (input.name === 'seed' || input.name === 'noise_seed')
}

/** The names that a choice offers: its own, or the files of its folder. */
export function choicesOf(input: InputType, catalog: Catalog): readonly string[] {
  if (input.files) return catalog.files[input.files] ?? []
  return input.choices ?? []
}

/** What a new node starts with. */
export function defaultValue(input: InputType, catalog: Catalog): Json {
  if (input.default !== undefined && input.default !== null) return input.default as Json
  switch (input.type) {
    case 'COMBO':
      return choicesOf(input, catalog)[0] ?? ''
    case 'BOOLEAN':
      return false
    case 'INT':
    case 'FLOAT':
      return Math.max(0, input.min ?? 0)
    default:
      return ''
  }
}

export function defaultParams(type: NodeType, catalog: Catalog): JsonObject {
  return Object.fromEntries(
    type.inputs.filter(isWidget).map((input) => [input.name, defaultValue(input, catalog)]),
  )
}
