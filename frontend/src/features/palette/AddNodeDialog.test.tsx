// @vitest-environment happy-dom
import { fireEvent, render, screen } from '@testing-library/react'
import { expect, test } from 'vitest'

import { fromPrompt } from '@/domain/formats/fromPrompt'
import { PROMPT, realCatalog } from '@/domain/testing/catalog'
import { openSession, StudioContext, type PaletteRequest, type Studio } from '@/features/session'

import { AddNodeDialog } from './AddNodeDialog'

const HERE = { screen: { x: 0, y: 0 }, flow: { x: 0, y: 0 }, drag: null }

function show(request: PaletteRequest = HERE): Studio {
  const catalog = realCatalog()
  const session = openSession({ graph: fromPrompt(PROMPT, catalog, 'Test') })
  const studio = { slug: 'test', catalog, session, open: () => undefined }
  render(
    <StudioContext value={studio}>
      <AddNodeDialog request={request} />
    </StudioContext>,
  )
  return studio
}

function typesOf({ session }: Studio): readonly string[] {
  return [...session.graph.getSnapshot().nodes.values()].map((node) => node.type)
}

test('Enter adds the first find, in spite of a typo', () => {
  const studio = show()
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'laod imgae' } })
  fireEvent.keyDown(screen.getByRole('combobox'), { key: 'Enter' })
  expect(typesOf(studio)).toContain('LoadImage')
})

test('with a link in hand only nodes that take it are listed, and the new node is linked', () => {
  const from = { side: 'out', node: '5', output: 0 } as const
  const studio = show({ ...HERE, drag: { from, type: 'LATENT', detached: null } })
  expect(screen.queryByTestId('palette-SaveImage')).toBeNull()
  fireEvent.click(screen.getByTestId('palette-LatentUpscale'))
  const links = [...studio.session.graph.getSnapshot().links.values()]
  expect(links.filter((link) => link.source === '5')).toHaveLength(2)
})
