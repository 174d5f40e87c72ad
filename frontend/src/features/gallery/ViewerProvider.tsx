import { useMemo, useState, type ReactNode } from 'react'

import { picturesOfAll } from '@/domain/runs/selectors'
import { useRuns } from '@/features/runs'

import { PictureViewer } from './PictureViewer'
import { ViewerContext } from './viewer'

interface Props {
  readonly onOpenGraph: (run: string) => void
  readonly children: ReactNode
}

/** Shows the viewer over everything inside it. */
export function ViewerProvider({ onOpenGraph, children }: Props) {
  const [chosen, setChosen] = useState<string | null>(null)
  const runs = useRuns((state) => state.runs)
  const viewer = useMemo(() => ({ open: setChosen }), [])
  return (
    <ViewerContext value={viewer}>
      {children}
      {chosen !== null && (
        <PictureViewer
          pictures={picturesOfAll(runs)}
          chosen={chosen}
          onChoose={setChosen}
          onOpenGraph={(run) => {
            setChosen(null)
            onOpenGraph(run)
          }}
          onClose={() => setChosen(null)}
        />
      )}
    </ViewerContext>
  )
}
