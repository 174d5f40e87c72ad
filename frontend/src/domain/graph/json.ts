// Narrowing of values that came from files: the parse boundary of the domain.
import type { Json, JsonObject } from './types'

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

export function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

export function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** An id as text: files have numbers and strings. */
export function asId(value: unknown): string | null {
  return typeof value === 'number' ? String(value) : asText(value)
}

/** A value that was parsed from JSON is JSON. */
export function asJson(value: unknown): Json {
  return (value ?? null) as Json
}

export function asJsonObject(value: unknown): JsonObject {
  return isObject(value) ? (value as JsonObject) : {}
}

/** `object` without some of its keys. */
export function without(object: JsonObject, keys: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.has(key)))
}

/** Parses JSON as Python writes it: bare NaN and Infinity are null. Returns undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return parseLoosely(text)
  }
}

function parseLoosely(text: string): unknown {
  // A string, or a bare word of Python's: strings are matched first so that words inside them stay.
  const words = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g
  try {
    return JSON.parse(
      text.replace(words, (found) => (found.startsWith('"') ? found : 'null')),
    ) as unknown
  } catch {
    return undefined
  }
}
