// A node type as rows of constant height: where each port and each editor sits, without asking the DOM.
import { asText, isArray, isObject } from '../graph/json'
import type { GraphNode, Size } from '../graph/types'
import { isSeed, isWidget, type Catalog, type InputType, type NodeType } from './types'

export const TITLE_HEIGHT = 32
export const ROW_HEIGHT = 28
export const PROMPT_HEIGHT = 112
const BODY_PADDING = 6
const NODE_WIDTH = 280
const WIDE_NODE_WIDTH = 336
const EMPTY_MEDIA_HEIGHT = 148
const MIN_MEDIA_HEIGHT = 96
const MAX_MEDIA_HEIGHT = 420
/** Up to this range a FLOAT reads better as a bar than as a bare number. */
const MAX_SLIDER_RANGE = 2

export interface Port {
  readonly side: 'in' | 'out'
  readonly name: string
  readonly type: string
  /** Position among the node's outputs; 0 for inputs. */
  readonly slot: number
  readonly isList: boolean
  readonly isOptional: boolean
  /** Centre, from the node's top. */
  readonly y: number
}

export type RowKind =
  'ports' | 'number' | 'slider' | 'seed' | 'choice' | 'text' | 'prompt' | 'toggle'

export interface FormRow {
  readonly key: string
  readonly kind: RowKind
  readonly height: number
  readonly input: InputType | null
  readonly inPort: Port | null
  readonly outPort: Port | null
}

/** What is drawn below the rows: nothing, a picture to load, or the picture that comes out. */
export type Media = 'none' | 'upload' | 'result'

export interface NodeForm {
  readonly rows: readonly FormRow[]
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly width: number
  /** Without media. */
  readonly height: number
  readonly media: Media
  readonly isMissing: boolean
}

interface Socket {
  readonly name: string
  readonly type: string
  readonly isList: boolean
  readonly isOptional: boolean
}

export function formOf(node: GraphNode, catalog: Catalog): NodeForm {
  const type = catalog.types.get(node.type)
  return type ? formOfType(type) : formOfMissing(node)
}

export function formOfType(type: NodeType): NodeForm {
  const sockets = type.inputs.filter((input) => !isWidget(input)).map(socketOf)
  const outputs = type.outputs.map((output) => ({
    name: output.name,
    type: output.type,
    isList: output.is_list,
    isOptional: false,
  }))
  const widgets = type.inputs.filter(isWidget)
  const hasPrompt = widgets.some((input) => rowKindOf(input) === 'prompt')
  const width = hasPrompt || mediaOf(type) !== 'none' ? WIDE_NODE_WIDTH : NODE_WIDTH
  return layOut({ sockets, outputs, widgets, width, media: mediaOf(type), isMissing: false })
}

/** The form of a node whose type the server does not know: the ports that its file speaks of. */
export function formOfMissing(node: GraphNode): NodeForm {
  return layOut({
    sockets: savedSockets(node, 'inputs'),
    outputs: savedSockets(node, 'outputs'),
    widgets: [],
    width: NODE_WIDTH,
    media: 'none',
    isMissing: true,
  })
}

/** The whole node's size; `aspect` (width / height) is that of the picture shown on it, if there is one. */
export function sizeOf(form: NodeForm, aspect: number | null): Size {
  return { width: form.width, height: form.height + mediaHeight(form, aspect) }
}

export function mediaHeight(form: NodeForm, aspect: number | null): number {
  if (aspect === null) return form.media === 'none' ? 0 : EMPTY_MEDIA_HEIGHT
  const height = Math.round(form.width / aspect)
  return Math.max(MIN_MEDIA_HEIGHT, Math.min(height, MAX_MEDIA_HEIGHT))
}

export function rowKindOf(input: InputType): RowKind {
  if (isSeed(input)) return 'seed'
  switch (input.type) {
    case 'INT':
    case 'FLOAT':
      return isSlider(input) ? 'slider' : 'number'
    case 'BOOLEAN':
      return 'toggle'
    case 'COMBO':
      return 'choice'
    default:
      return input.multiline ? 'prompt' : 'text'
  }
}

function isSlider(input: InputType): boolean {
  if (input.display) return input.display === 'slider'
  if (input.type !== 'FLOAT' || typeof input.max !== 'number') return false
  return input.max - (input.min ?? 0) <= MAX_SLIDER_RANGE
}

function mediaOf(type: NodeType): Media {
  if (type.inputs.some((input) => input.upload === 'image')) return 'upload'
  const takesPicture = type.inputs.some((input) => input.type === 'IMAGE')
  return type.is_output && takesPicture ? 'result' : 'none'
}

function socketOf(input: InputType): Socket {
  return { name: input.name, type: input.type, isList: false, isOptional: !input.required }
}

interface Parts {
  readonly sockets: readonly Socket[]
  readonly outputs: readonly Socket[]
  readonly widgets: readonly InputType[]
  readonly width: number
  readonly media: Media
  readonly isMissing: boolean
}

function layOut(parts: Parts): NodeForm {
  const rows: FormRow[] = []
  let y = TITLE_HEIGHT + BODY_PADDING
  const add = (row: Omit<FormRow, 'inPort' | 'outPort'>, left?: Socket, right?: Socket) => {
    const slot = rows.length
    // The port of a prompt sits at its label, not at half of its height.
    const centre = y + Math.min(row.height, ROW_HEIGHT) / 2
    rows.push({
      ...row,
      inPort: left ? { ...left, side: 'in', slot: 0, y: centre } : null,
      outPort: right ? { ...right, side: 'out', slot, y: centre } : null,
    })
    y += row.height
  }
  const portRows = Math.max(parts.sockets.length, parts.outputs.length)
  for (let i = 0; i < portRows; i += 1) {
    const row = {
      key: `ports-${String(i)}`,
      kind: 'ports',
      height: ROW_HEIGHT,
      input: null,
    } as const
    add(row, parts.sockets[i], parts.outputs[i])
  }
  for (const input of parts.widgets) {
    const kind = rowKindOf(input)
    const height = kind === 'prompt' ? PROMPT_HEIGHT : ROW_HEIGHT
    add({ key: input.name, kind, height, input }, socketOf(input))
  }
  return {
    rows,
    inputs: rows.flatMap((row) => row.inPort ?? []),
    outputs: rows.flatMap((row) => row.outPort ?? []),
    width: parts.width,
    height: y + BODY_PADDING,
    media: parts.media,
    isMissing: parts.isMissing,
  }
}

function savedSockets(node: GraphNode, side: 'inputs' | 'outputs'): readonly Socket[] {
  const list = node.saved?.[side]
  if (!isArray(list)) return []
  return list.flatMap((socket) => {
    if (!isObject(socket)) return []
    const name = asText(socket['name']) ?? ''
    return [{ name, type: asText(socket['type']) ?? '*', isList: false, isOptional: true }]
  })
}
