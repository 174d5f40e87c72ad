import { expect, test } from 'vitest'

import { fromPrompt } from '../formats/fromPrompt'
import { PROMPT, realCatalog } from '../testing/catalog'
import { beginDrag, dropOn, findFit, type Drag, type PortRef } from './gestures'
import { areTypesCompatible } from './types'

const catalog = realCatalog()
const graph = fromPrompt(PROMPT, catalog, '')

function drag(from: PortRef): Drag {
  const begun = beginDrag(graph, catalog, from)
  if (!begun) throw new Error('there is no such port')
  return begun
}

const LATENT: PortRef = { side: 'out', node: '5', output: 0 }

test('a link fits an input of its type', () => {
  const to: PortRef = { side: 'in', node: '6', input: 'samples' }
  expect(dropOn(graph, catalog, drag(LATENT), to)?.connect).toEqual({
    source: '5',
    output: 0,
    target: '6',
    input: 'samples',
  })
})

test('a link fits no input of another type', () => {
  expect(dropOn(graph, catalog, drag(LATENT), { side: 'in', node: '6', input: 'vae' })).toBeNull()
})

test('a link that closes a cycle is refused', () => {
  const to: PortRef = { side: 'in', node: '5', input: 'latent_image' }
  expect(dropOn(graph, catalog, drag(LATENT), to)).toBeNull()
})

test('dragging off a linked input takes the link along', () => {
  const begun = drag({ side: 'in', node: '6', input: 'samples' })
  expect(begun.from).toEqual(LATENT)
  expect(begun.detached).toEqual({ node: '6', input: 'samples' })
})

test('dropping on a node finds the first port that fits', () => {
  expect(findFit(graph, catalog, drag(LATENT), '6')).toEqual({
    side: 'in',
    node: '6',
    input: 'samples',
  })
})

test('any type fits a wildcard, and lists of types fit by a common member', () => {
  expect(areTypesCompatible('*', 'LATENT')).toBe(true)
  expect(areTypesCompatible('INT,FLOAT', 'FLOAT')).toBe(true)
  expect(areTypesCompatible('INT', 'FLOAT')).toBe(false)
})
