import { expect, test } from 'vitest'

import { realCatalog } from '../testing/catalog'
import { editDistance, rankTypes } from './rank'

const types = [...realCatalog().types.values()]

function first(query: string): string | undefined {
  return rankTypes(types, query)[0]?.name
}

test('an empty query lists all nodes', () => {
  expect(rankTypes(types, '')).toHaveLength(types.length)
})

test('the name in full comes first', () => {
  expect(first('KSampler')).toBe('KSampler')
})

test('words may come in any order', () => {
  expect(first('image load')).toBe('LoadImage')
})

test('a typo is forgiven', () => {
  expect(first('ksmapler')).toBe('KSampler')
})

test('nonsense finds nothing', () => {
  expect(rankTypes(types, 'zzzzqqq')).toEqual([])
})

test('swapping neighbours is one edit', () => {
  expect(editDistance('sampler', 'smapler')).toBe(1)
})
