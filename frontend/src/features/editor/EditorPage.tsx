import { GalleryHost } from './GalleryHost'
import { RunsProvider } from '@/features/runs'

import { StudioProvider } from './StudioProvider'
import { Workbench } from './Workbench'

/** The editor of one workspace. */
export function EditorPage({ slug }: { readonly slug: string }) {
  return (
    <StudioProvider slug={slug}>
      <RunsProvider slug={slug}>
        <GalleryHost>
          <Workbench />
        </GalleryHost>
      </RunsProvider>
    </StudioProvider>
  )
}
