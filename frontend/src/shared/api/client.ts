// The service over HTTP, with types generated from its OpenAPI document.
import createClient, { type Middleware } from 'openapi-fetch'

import { ApiProblem, readProblem } from './problem'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

const CSRF_COOKIE = /(?:^|;\s*)csrftoken=([^;]+)/
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

const csrf: Middleware = {
  onRequest: ({ request }) => {
    const token = CSRF_COOKIE.exec(document.cookie)?.[1]
    if (token && !SAFE_METHODS.has(request.method)) request.headers.set('X-CSRFToken', token)
    return request
  },
}

function createApi() {
  const client = createClient<paths>({ baseUrl: location.origin })
  client.use(csrf)
  return client
}

export type Api = ReturnType<typeof createApi>

/** The client; made with the first request, so that importing it does nothing. */
export function api(): Api {
  return createApi()
}

interface Answer<T> {
  readonly data?: T
  readonly error?: unknown
  readonly response: Response
}

/** The body of a good answer. Raises ApiProblem for any other, and for none. */
export async function unwrap<T>(request: Promise<Answer<T>>): Promise<T> {
  const answer = await request.catch((error: unknown) => {
    throw new ApiProblem(0, error instanceof Error ? error.message : String(error))
  })
  if (!answer.response.ok) throw readProblem(answer.response.status, answer.error)
  return answer.data as T
}

/** Whether somebody has a CSRF cookie: signing in needs one. */
export function hasCsrfToken(): boolean {
  return CSRF_COOKIE.test(document.cookie)
}
