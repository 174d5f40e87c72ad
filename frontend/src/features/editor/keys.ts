// Keys and what they do, as people of ComfyUI know them.
import type { CommandName } from './commands'

export interface Binding {
  readonly command: CommandName
  /** As KeyboardEvent.key has it, lower case. */
  readonly key: string
  readonly ctrl?: boolean
  readonly shift?: boolean
  readonly alt?: boolean
  /** Also while somebody types. */
  readonly whileTyping?: boolean
  readonly label: string
  readonly shown: string
}

export const BINDINGS: readonly Binding[] = [
  {
    command: 'run',
    key: 'enter',
    ctrl: true,
    whileTyping: true,
    label: 'Run',
    shown: 'Ctrl Enter',
  },
  {
    command: 'cancel',
    key: 'enter',
    ctrl: true,
    alt: true,
    whileTyping: true,
    label: 'Cancel the run',
    shown: 'Ctrl Alt Enter',
  },
  {
    command: 'save',
    key: 's',
    ctrl: true,
    whileTyping: true,
    label: 'Save a version',
    shown: 'Ctrl S',
  },
  {
    command: 'toggleWorkflows',
    key: 'o',
    ctrl: true,
    whileTyping: true,
    label: 'Open a workflow',
    shown: 'Ctrl O',
  },
  { command: 'toggleWorkflows', key: 'w', label: 'Workflows', shown: 'W' },
  { command: 'addNode', key: ' ', label: 'Add node', shown: 'Space' },
  { command: 'addNode', key: 'n', label: 'Add node', shown: 'N or double click' },
  { command: 'undo', key: 'z', ctrl: true, label: 'Undo', shown: 'Ctrl Z' },
  { command: 'redo', key: 'z', ctrl: true, shift: true, label: 'Redo', shown: 'Ctrl Shift Z' },
  { command: 'redo', key: 'y', ctrl: true, label: 'Redo', shown: 'Ctrl Y' },
  { command: 'selectAll', key: 'a', ctrl: true, label: 'Select all', shown: 'Ctrl A' },
  { command: 'duplicate', key: 'd', ctrl: true, label: 'Duplicate', shown: 'Ctrl D' },
  { command: 'remove', key: 'delete', label: 'Delete', shown: 'Delete' },
  { command: 'remove', key: 'backspace', label: 'Delete', shown: 'Backspace' },
  { command: 'mute', key: 'm', ctrl: true, label: 'Mute', shown: 'Ctrl M' },
  { command: 'bypass', key: 'b', ctrl: true, label: 'Bypass', shown: 'Ctrl B' },
  { command: 'fit', key: '.', label: 'Fit to view', shown: '.' },
  { command: 'actualSize', key: '1', label: 'Zoom to 100 %', shown: '1' },
  { command: 'showShortcuts', key: '?', label: 'Keyboard shortcuts', shown: '?' },
]

export function findBinding(event: KeyboardEvent, isTyping: boolean): Binding | undefined {
  const key = event.key.toLowerCase()
  return BINDINGS.find(
    (binding) =>
      binding.key === key &&
      Boolean(binding.ctrl) === (event.ctrlKey || event.metaKey) &&
      (isSign(key) || Boolean(binding.shift) === event.shiftKey) &&
      Boolean(binding.alt) === event.altKey &&
      (!isTyping || binding.whileTyping === true),
  )
}

/** Whether Shift is part of typing it: "?" needs Shift on some keyboards and not on others. */
function isSign(key: string): boolean {
  return /^[^a-z0-9 ]$/.test(key)
}
