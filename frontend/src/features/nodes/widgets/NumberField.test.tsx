// @vitest-environment happy-dom
import { fireEvent, render, screen } from '@testing-library/react'
import { expect, test, vi } from 'vitest'

import { NumberField } from './NumberField'

const RANGE = { min: 1, max: 100, step: 1, precision: 1 }

function show(value = 20) {
  const change = vi.fn<(value: number) => void>()
  render(
    <NumberField
      label="steps"
      value={value}
      range={RANGE}
      isSlider={false}
      hasFault={false}
      onChange={change}
      onCommit={() => undefined}
    />,
  )
  return { change, field: screen.getByRole('textbox', { name: 'steps' }) }
}

function click(field: HTMLElement) {
  field.setPointerCapture = () => undefined
  fireEvent.pointerDown(field, { button: 0, clientX: 10 })
  fireEvent.pointerUp(field, { clientX: 10 })
}

test('a click begins typing, Enter takes the number', () => {
  const { change, field } = show()
  click(field)
  fireEvent.change(field, { target: { value: '12' } })
  fireEvent.keyDown(field, { key: 'Enter' })
  expect(change).toHaveBeenLastCalledWith(12)
})

test('a number out of range is brought into it', () => {
  const { change, field } = show()
  click(field)
  fireEvent.change(field, { target: { value: '5000' } })
  fireEvent.blur(field)
  expect(change).toHaveBeenLastCalledWith(100)
})

test('Escape leaves the number as it was', () => {
  const { change, field } = show()
  click(field)
  fireEvent.change(field, { target: { value: '3' } })
  fireEvent.keyDown(field, { key: 'Escape' })
  expect(change).not.toHaveBeenCalled()
})

test('dragging sideways changes the number', () => {
  const { change, field } = show()
  field.setPointerCapture = () => undefined
  fireEvent.pointerDown(field, { button: 0, clientX: 0 })
  fireEvent.pointerMove(field, { clientX: 50 })
  expect(change).toHaveBeenLastCalledWith(30)
})

test('arrows step, with Shift ten times as far', () => {
  const { change, field } = show()
  fireEvent.keyDown(field, { key: 'ArrowUp' })
  fireEvent.keyDown(field, { key: 'ArrowDown', shiftKey: true })
  expect(change.mock.calls).toEqual([[21], [10]])
})
