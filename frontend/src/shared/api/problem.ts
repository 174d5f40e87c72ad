// Errors of the service: RFC 9457 problem documents.
import * as v from 'valibot'

const FAULT = v.object({
  node: v.nullable(v.string()),
  input: v.nullable(v.string()),
  code: v.string(),
  message: v.string(),
})
const PROBLEM = v.object({
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  errors: v.optional(v.nullable(v.array(FAULT))),
})

export type Fault = v.InferOutput<typeof FAULT>

/** The service refused, or could not be reached (status 0). `message` is made for people. */
export class ApiProblem extends Error {
  readonly status: number
  readonly faults: readonly Fault[]

  constructor(status: number, message: string, faults: readonly Fault[] = []) {
    super(message)
    this.name = 'ApiProblem'
    this.status = status
    this.faults = faults
  }
}

export function readProblem(status: number, body: unknown): ApiProblem {
  const parsed = v.safeParse(PROBLEM, body)
  if (!parsed.success) return new ApiProblem(status, `HTTP ${String(status)}`)
  const { title, detail, errors } = parsed.output
  return new ApiProblem(status, detail || title, errors ?? [])
}
