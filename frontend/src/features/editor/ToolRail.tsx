import { FolderOpen, Keyboard, Plus, Redo2, Undo2 } from 'lucide-react'

import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'

import type { Commands } from './commands'

interface Props {
  readonly commands: Commands
  readonly isDrawerOpen: boolean
}

/** The tools at the left edge. */
export function ToolRail({ commands, isDrawerOpen }: Props) {
  return (
    <nav className="tool-rail" aria-label={text.editor.tools}>
      <IconButton
        icon={Plus}
        size={18}
        label={text.editor.addNode}
        hint={`${text.editor.addNode} (Space)`}
        onPress={commands.addNode}
      />
      <IconButton
        icon={FolderOpen}
        size={18}
        label={text.editor.workflows}
        hint={`${text.editor.workflows} (W)`}
        isPressed={isDrawerOpen}
        onPress={commands.toggleWorkflows}
      />
      <span className="divider" aria-hidden />
      <IconButton
        icon={Undo2}
        size={18}
        label={text.editor.undo}
        hint={`${text.editor.undo} (Ctrl+Z)`}
        onPress={commands.undo}
      />
      <IconButton
        icon={Redo2}
        size={18}
        label={text.editor.redo}
        hint={`${text.editor.redo} (Ctrl+Shift+Z)`}
        onPress={commands.redo}
      />
      <span className="divider" aria-hidden />
      <IconButton
        icon={Keyboard}
        size={18}
        label={text.editor.shortcuts}
        hint={`${text.editor.shortcuts} (?)`}
        onPress={commands.showShortcuts}
      />
    </nav>
  )
}
