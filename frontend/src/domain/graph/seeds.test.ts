import { expect, test } from 'vitest'

import { drawSeed, MAX_DRAWN_SEED, nextSeed } from './seeds'

const RANGE = { min: 0, max: 2 ** 64 }

test('a kept seed stays', () => {
  expect(nextSeed(7, 'fixed', RANGE)).toBe(7)
})

test('counting stops at the ends of the range', () => {
  expect(nextSeed(5, 'increment', { min: 0, max: 5 })).toBe(5)
  expect(nextSeed(0, 'decrement', RANGE)).toBe(0)
})

test('drawn seeds are whole numbers that survive JSON', () => {
  expect(drawSeed(RANGE, () => 0.999_999_999_999_999_9)).toBeLessThanOrEqual(MAX_DRAWN_SEED)
  expect(Number.isSafeInteger(drawSeed(RANGE, () => 0.123_456_789))).toBe(true)
})
