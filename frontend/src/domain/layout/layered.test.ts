import { expect, test } from 'vitest'

import { formOf, sizeOf } from '../catalog/form'
import { fromPrompt } from '../formats/fromPrompt'
import { PROMPT, realCatalog } from '../testing/catalog'
import { layOutGraph } from './layered'

const catalog = realCatalog()
const tidy = layOutGraph(fromPrompt(PROMPT, catalog, ''), catalog)
const boxes = [...tidy.nodes.values()].map((node) => ({
  ...node.position,
  ...sizeOf(formOf(node, catalog), null),
}))

test('data flows from left to right', () => {
  const x = (id: string) => tidy.nodes.get(id)?.position.x ?? 0
  const isForward = [...tidy.links.values()].map((link) => x(link.source) < x(link.target))
  expect(isForward).not.toContain(false)
})

test('no two nodes overlap', () => {
  const overlaps = boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter(
        (b) =>
          a.x < b.x + b.width &&
          b.x < a.x + a.width &&
          a.y < b.y + b.height &&
          b.y < a.y + a.height,
      ),
  )
  expect(overlaps).toEqual([])
})
