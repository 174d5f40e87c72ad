import { useEffect } from 'react'

import type { Commands } from './commands'
import { findBinding } from './keys'

/** The one dispatcher of keys. What is open over the canvas keeps its keys to itself. */
export function useShortcuts(commands: Commands): void {
  useEffect(() => {
    const dispatch = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open]'))
        return
      const binding = findBinding(event, isTyping(event.target))
      // Space and Enter press the button that has the focus.
      const isPress = event.target instanceof HTMLButtonElement && event.key === ' '
      if (!binding || isPress) return
      event.preventDefault()
      commands[binding.command]()
    }
    window.addEventListener('keydown', dispatch)
    return () => window.removeEventListener('keydown', dispatch)
  }, [commands])
}

/** A number that is only focused, and not being written, takes no letters. */
export function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement) return true
  return target instanceof HTMLInputElement && !target.readOnly
}
