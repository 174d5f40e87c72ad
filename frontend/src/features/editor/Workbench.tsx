import { useRef, useState } from 'react'

import { Canvas, CanvasProvider, type CanvasPort } from '@/features/canvas'
import { Filmstrip } from '@/features/gallery'
import { AddNodeDialog } from '@/features/palette'
import { Problems, RunProgress, useRunActions } from '@/features/runs'
import { useSession, useView } from '@/features/session'
import { SaveDialog, WorkflowDrawer } from '@/features/workflows'

import { useCommands } from './commands'
import { ShortcutsDialog } from './ShortcutsDialog'
import { ToolRail } from './ToolRail'
import { TopBar } from './TopBar'
import { useClipboard } from './useClipboard'
import { useOpenFiles } from './useOpenFiles'
import { useShortcuts } from './useShortcuts'

type Panel = 'none' | 'workflows' | 'save' | 'shortcuts'

/** The canvas, edge to edge, and the bars and panels that float over it. */
export function Workbench() {
  const session = useSession()
  const canvas = useRef<CanvasPort>(null)
  const palette = useView((view) => view.palette)
  const [panel, setPanel] = useState<Panel>('none')
  const runs = useRunActions()
  const openFiles = useOpenFiles()
  const commands = useCommands({
    canvas,
    runs,
    askForName: () => setPanel('save'),
    toggleWorkflows: () => setPanel((shown) => (shown === 'workflows' ? 'none' : 'workflows')),
    showShortcuts: () => setPanel('shortcuts'),
  })
  useShortcuts(commands)
  useClipboard(openFiles)
  const close = () => setPanel('none')

  return (
    <div className="workbench">
      <CanvasProvider key={session.clientRef}>
        <Canvas port={canvas} onDropFiles={openFiles} />
      </CanvasProvider>
      <TopBar runs={runs} commands={commands} />
      <RunProgress />
      <ToolRail commands={commands} isDrawerOpen={panel === 'workflows'} />
      {panel === 'workflows' && <WorkflowDrawer onClose={close} />}
      {panel === 'save' && <SaveDialog onClose={close} />}
      {panel === 'shortcuts' && <ShortcutsDialog onClose={close} />}
      <Problems />
      <Filmstrip />
      {palette && (
        <AddNodeDialog
          key={`${String(palette.screen.x)}/${String(palette.screen.y)}`}
          request={palette}
        />
      )}
    </div>
  )
}
