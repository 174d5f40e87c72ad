import type { ReactNode } from 'react'

import { openDocument } from '@/domain/formats/open'
import { ViewerProvider } from '@/features/gallery'
import { useStudio } from '@/features/session'
import { api, unwrap } from '@/shared/api/client'
import { ApiProblem } from '@/shared/api/problem'
import { text } from '@/shared/messages'
import { useToast } from '@/shared/ui/toasts'

/** The viewer, from which a picture's graph can be opened. */
export function GalleryHost({ children }: { readonly children: ReactNode }) {
  const { slug, catalog, open } = useStudio()
  const showToast = useToast()

  const openGraph = async (run: string) => {
    try {
      const detail = await unwrap(
        api().GET('/api/v1/workspaces/{slug}/runs/{run_id}', {
          params: { path: { slug, run_id: run } },
        }),
      )
      const graph = openDocument(detail.workflow ?? detail.prompt, catalog, text.editor.untitled)
      if (graph) open({ graph })
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      showToast(text.workflows.notOpened, 'bad')
    }
  }
  return <ViewerProvider onOpenGraph={(run) => void openGraph(run)}>{children}</ViewerProvider>
}
