import { expect, test } from 'vitest'

import { fitNumber, formatNumber, parseNumber, rangeOf } from './format'

const CFG = rangeOf({ type: 'FLOAT', min: 0, max: 100, step: 0.1, round: 0.01 })
const STEPS = rangeOf({ type: 'INT', min: 1, max: 10_000 })

test('values are kept in range', () => {
  expect(fitNumber(1e9, STEPS)).toBe(10_000)
  expect(fitNumber(-3, STEPS)).toBe(1)
})

test('rounding leaves no binary dust', () => {
  expect(fitNumber(0.1 + 0.2, CFG)).toBe(0.3)
})

test('commas and products can be typed', () => {
  expect(parseNumber('7,5')).toBe(7.5)
  expect(parseNumber('512 * 2')).toBe(1024)
})

test('what is no number is none', () => {
  expect(parseNumber('seven')).toBeNull()
  expect(parseNumber('1/0')).toBeNull()
})

test('a FLOAT shows that it is one', () => {
  expect(formatNumber(7, CFG)).toBe('7.0')
  expect(formatNumber(20, STEPS)).toBe('20')
})
