// Ranking of node types for what somebody types: exact beats prefix beats word beats letters beats a typo.
import type { NodeType } from '../catalog/types'

const EXACT = 100
const PREFIX = 80
const WORD = 60
const INSIDE = 40
const LETTERS = 20
const TYPO = 10
/** Shorter words are too alike to guess. */
const MIN_TYPO_LENGTH = 4
const LENGTH_PENALTY = 0.1

/** Best first; all of them, by title, for an empty query. */
export function rankTypes(types: Iterable<NodeType>, query: string): readonly NodeType[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const scored = [...types].flatMap((type) => {
    const score = scoreType(type, words)
    return score === null ? [] : [{ type, score }]
  })
  scored.sort((a, b) => b.score - a.score || a.type.title.localeCompare(b.type.title))
  return scored.map(({ type }) => type)
}

function scoreType(type: NodeType, words: readonly string[]): number | null {
  const fields = [
    { text: type.title.toLowerCase(), weight: 1 },
    { text: type.name.toLowerCase(), weight: 1 },
    { text: splitCamel(type.name), weight: 0.9 },
    { text: type.category.toLowerCase(), weight: 0.4 },
  ]
  let total = 0
  for (const word of words) {
    const best = Math.max(...fields.map(({ text, weight }) => scoreWord(text, word) * weight))
    if (best <= 0) return null
    total += best - LENGTH_PENALTY * type.title.length
  }
  return total
}

function splitCamel(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
}

function scoreWord(text: string, word: string): number {
  if (text === word) return EXACT
  if (text.startsWith(word)) return PREFIX
  const parts = text.split(/[^a-z0-9]+/)
  if (parts.some((part) => part.startsWith(word))) return WORD
  if (text.includes(word)) return INSIDE
  if (word.length >= 2 && hasLettersInOrder(text, word)) return LETTERS
  const candidates = [...parts, text.replaceAll(/[^a-z0-9]+/g, '')]
  return candidates.some((part) => isTypoOf(part, word)) ? TYPO : 0
}

/** Whether the letters of `word` begin words or follow each other closely in `text`. */
function hasLettersInOrder(text: string, word: string): boolean {
  const at = [...word].reduce<number>(
    (position, letter) => (position < 0 ? -1 : text.indexOf(letter, position) + 1 || -1),
    0,
  )
  return at > 0 && at <= word.length * 3
}

/** Whether `word` is a beginning of `part` with one wrong, missing, doubled or swapped letter (two if it is long). */
function isTypoOf(part: string, word: string): boolean {
  if (word.length < MIN_TYPO_LENGTH) return false
  const allowed = word.length >= 2 * MIN_TYPO_LENGTH ? 2 : 1
  const lengths = [word.length - 1, word.length, word.length + 1]
  return lengths.some((length) => editDistance(part.slice(0, length), word) <= allowed)
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours cost 1. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + cost,
        isSwap ? (beforeLast[j - 2] ?? Infinity) + 1 : Infinity,
      )
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
