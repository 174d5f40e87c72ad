import { describe, expect, test } from 'vitest'

import { parsePreviewFrame } from './frames'
import { applyMessage, applyRun, type Runs } from './reducer'
import { latestRun } from './selectors'
import { parseMessage, type Run, type RunMessage } from './wire'

const NONE: Runs = new Map()

function runWith(changes: Partial<Run> = {}): Run {
  return {
    id: 'r',
    status: 'running',
    seq: 1,
    created_at: '2026-01-01T00:00:00Z',
    started_at: null,
    finished_at: null,
    client_ref: 'tab',
    progress: { done: 0, total: 7, node: null, value: 0, max: 0 },
    outputs: [],
    error: null,
    ...changes,
  }
}

function progress(seq: number, value: number): RunMessage {
  return { type: 'progress', seq, run: 'r', node: '5', value, max: 12 }
}

function hear(...messages: readonly RunMessage[]): Runs {
  return messages.reduce(applyMessage, applyRun(NONE, runWith()))
}

describe('what is heard of a run', () => {
  test('progress shows on its node', () => {
    expect(hear(progress(2, 3)).get('r')?.nodes['5']).toEqual({
      state: 'running',
      value: 3,
      max: 12,
    })
  })

  test('an event that comes twice or late changes nothing', () => {
    const runs = hear(progress(3, 5))
    expect(applyMessage(runs, progress(3, 5))).toBe(runs)
    expect(applyMessage(runs, progress(2, 4))).toBe(runs)
  })

  test('a run that has ended never lives again', () => {
    const ended = applyRun(hear(progress(2, 1)), runWith({ status: 'succeeded', seq: 9 }))
    expect(applyMessage(ended, progress(10, 2))).toBe(ended)
    expect(applyRun(ended, runWith({ seq: 11 }))).toBe(ended)
  })

  test('nodes at work are done when the run succeeds', () => {
    const ended = applyRun(hear(progress(2, 12)), runWith({ status: 'succeeded', seq: 9 }))
    expect(ended.get('r')?.nodes['5']?.state).toBe('done')
  })

  test('nodes at work stop when the run is cancelled', () => {
    const ended = applyRun(hear(progress(2, 4)), runWith({ status: 'cancelled', seq: 9 }))
    expect(ended.get('r')?.nodes['5']).toBeUndefined()
  })

  test('runs of another document do not show here', () => {
    expect(latestRun(hear(), 'another tab')).toBeNull()
  })
})

describe('what the service sends', () => {
  test('a message of an unknown kind is passed over', () => {
    expect(parseMessage('{"type":"weather","seq":1}')).toBeNull()
  })

  test('a torn message is passed over', () => {
    expect(parseMessage('{"type":"pro')).toBeNull()
  })

  test('a preview frame names its run, its node and holds a JPEG', () => {
    const frame = new Uint8Array([2, 0, 0, 1, 2, 1, 0x35, 0xff, 0xd8])
    const parsed = parsePreviewFrame(frame.buffer)
    expect(parsed?.document).toBe(258)
    expect(parsed?.node).toBe('5')
    expect([...(parsed?.jpeg ?? [])]).toEqual([0xff, 0xd8])
  })

  test('a torn frame is passed over', () => {
    expect(parsePreviewFrame(new Uint8Array([2, 0, 0]).buffer)).toBeNull()
  })
})
