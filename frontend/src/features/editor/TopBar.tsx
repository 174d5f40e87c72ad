import { Save } from 'lucide-react'

import { AccountMenu } from '@/features/account'
import { RunControls, RunStatus, type RunActions } from '@/features/runs'
import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'

import type { Commands } from './commands'
import { DocumentTitle } from './DocumentTitle'
import { SaveState } from './SaveState'

interface Props {
  readonly runs: RunActions
  readonly commands: Commands
}

/** What is open, how it fares, and Run. */
export function TopBar({ runs, commands }: Props) {
  return (
    <header className="top-bar">
      <div className="top-bar-group">
        <img className="brand" src="/favicon.svg" alt={text.app.name} width={22} height={22} />
        <DocumentTitle />
        <SaveState />
        <IconButton
          icon={Save}
          label={text.editor.save}
          hint={text.editor.saveHint}
          onPress={commands.save}
        />
      </div>
      <div className="top-bar-group">
        <RunStatus />
        <RunControls {...runs} />
        <AccountMenu />
      </div>
    </header>
  )
}
