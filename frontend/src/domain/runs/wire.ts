// Runs and websocket messages as the service sends them, checked where they come in.
import * as v from 'valibot'

const STATUSES = [
  'queued',
  'running',
  'cancelling',
  'succeeded',
  'failed',
  'cancelled',
  'held',
] as const

const ASSET = v.object({
  id: v.string(),
  name: v.string(),
  media_type: v.string(),
  width: v.nullable(v.number()),
  height: v.nullable(v.number()),
  url: v.string(),
})

const OUTPUT = v.object({
  node: v.string(),
  index: v.number(),
  kind: v.string(),
  purpose: v.string(),
  cached: v.boolean(),
  asset: ASSET,
})

const RUN = v.object({
  id: v.string(),
  status: v.picklist(STATUSES),
  seq: v.number(),
  created_at: v.string(),
  started_at: v.nullable(v.string()),
  finished_at: v.nullable(v.string()),
  client_ref: v.string(),
  progress: v.object({
    done: v.number(),
    total: v.number(),
    node: v.nullable(v.string()),
    value: v.number(),
    max: v.number(),
  }),
  outputs: v.array(OUTPUT),
  error: v.nullable(
    v.object({
      node: v.nullable(v.string()),
      input: v.nullable(v.string()),
      code: v.string(),
      message: v.string(),
    }),
  ),
})

const MESSAGE = v.variant('type', [
  v.object({ type: v.literal('hello') }),
  v.object({ type: v.literal('run'), seq: v.number(), run: RUN }),
  v.object({
    type: v.literal('node'),
    seq: v.number(),
    run: v.string(),
    node: v.string(),
    state: v.picklist(['running', 'cached', 'done']),
  }),
  v.object({
    type: v.literal('progress'),
    seq: v.number(),
    run: v.string(),
    node: v.string(),
    value: v.number(),
    max: v.number(),
  }),
  v.object({ type: v.literal('output'), seq: v.number(), run: v.string(), output: OUTPUT }),
  v.object({ type: v.literal('preview_document'), number: v.number(), run: v.string() }),
])

export type RunStatus = (typeof STATUSES)[number]
export type Run = v.InferOutput<typeof RUN>
export type RunOutput = v.InferOutput<typeof OUTPUT>
export type RunMessage = v.InferOutput<typeof MESSAGE>

/** Null for a message that this page does not know: a newer service may send more kinds. */
export function parseMessage(text: string): RunMessage | null {
  try {
    const result = v.safeParse(MESSAGE, JSON.parse(text))
    return result.success ? result.output : null
  } catch {
    return null
  }
}

/** Raises valibot's error for a document that is no run. */
export function parseRun(document: unknown): Run {
  return v.parse(RUN, document)
}
