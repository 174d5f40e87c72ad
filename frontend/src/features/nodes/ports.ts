import type { CSSProperties } from 'react'

/** The colour of a socket type, from the tokens. Types that nobody has named share one. */
export function socketColor(type: string): string {
  return `var(--socket-${type.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}, var(--socket-other))`
}

export function socketStyle(type: string): CSSProperties {
  return { '--socket': socketColor(type) } as CSSProperties
}
