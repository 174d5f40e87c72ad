// Seeds and what becomes of them after a run.
import type { SeedMode } from './types'

/** ComfyUI's upper bound for drawn seeds; below 2^53, so that a number holds it exactly. */
export const MAX_DRAWN_SEED = 1_125_899_906_842_624

export interface SeedRange {
  readonly min: number
  readonly max: number
}

export function drawSeed(range: SeedRange, random: () => number = Math.random): number {
  const top = Math.min(range.max, MAX_DRAWN_SEED)
  return Math.min(top, range.min + Math.floor(random() * (top - range.min + 1)))
}

/** The seed for the next run. */
export function nextSeed(
  seed: number,
  mode: SeedMode,
  range: SeedRange,
  random: () => number = Math.random,
): number {
  switch (mode) {
    case 'fixed':
      return seed
    case 'randomize':
      return drawSeed(range, random)
    case 'increment':
      return Math.min(seed + 1, range.max)
    case 'decrement':
      return Math.max(seed - 1, range.min)
  }
}
