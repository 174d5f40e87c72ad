// Saved workflows of the workspace.
import { useQuery, useQueryClient } from '@tanstack/react-query'

import { openDocument } from '@/domain/formats/open'
import { toWorkflow } from '@/domain/formats/toWorkflow'
import { useStudio } from '@/features/session'
import { api, unwrap } from '@/shared/api/client'
import { ApiProblem } from '@/shared/api/problem'
import { text } from '@/shared/messages'
import { useToast } from '@/shared/ui/toasts'

const PAGE = 100
const CONFLICT = 409

export function useWorkflowList() {
  const { slug } = useStudio()
  return useQuery({
    queryKey: ['workflows', slug],
    queryFn: () =>
      unwrap(
        api().GET('/api/v1/workspaces/{slug}/workflows', {
          params: { path: { slug }, query: { limit: PAGE } },
        }),
      ),
  })
}

export function useVersions(workflow: string, isWanted: boolean) {
  const { slug } = useStudio()
  return useQuery({
    queryKey: ['versions', slug, workflow],
    enabled: isWanted,
    queryFn: () =>
      unwrap(
        api().GET('/api/v1/workspaces/{slug}/workflows/{workflow_id}/versions', {
          params: { path: { slug, workflow_id: workflow } },
        }),
      ),
  })
}

/** Saves the open workflow: a new version of its file, or under `name` for the first time. */
export function useSaveWorkflow() {
  const { slug, session, catalog } = useStudio()
  const queries = useQueryClient()
  const showToast = useToast()

  return async (name: string): Promise<boolean> => {
    const document = { ...toWorkflow(session.graph.getSnapshot(), catalog) }
    const { file } = session.view.getState()
    const path = { slug, workflow_id: file?.id ?? '' }
    try {
      const saved = file
        ? await unwrap(
            api().POST('/api/v1/workspaces/{slug}/workflows/{workflow_id}/versions', {
              params: { path },
              body: { document, message: '', base: file.version },
            }),
          )
        : await unwrap(
            api().POST('/api/v1/workspaces/{slug}/workflows', {
              params: { path: { slug } },
              body: { name, document, message: '' },
            }),
          )
      const version = numberOf(saved)
      const id = file?.id ?? ('id' in saved ? saved.id : '')
      session.view.setState({ file: { id, version }, isSaved: true })
      showToast(text.workflows.saved(version), 'good')
      await Promise.all([
        queries.invalidateQueries({ queryKey: ['workflows', slug] }),
        queries.invalidateQueries({ queryKey: ['versions', slug, id] }),
      ])
      return true
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      showToast(error.status === CONFLICT ? text.workflows.conflict : text.workflows.failed, 'bad')
      return false
    }
  }
}

function numberOf(
  saved: { readonly number: number } | { readonly latest: { readonly number: number } },
) {
  return 'latest' in saved ? saved.latest.number : saved.number
}

/** Opens a saved workflow, its latest version or a given one. */
export function useOpenWorkflow() {
  const { slug, catalog, open } = useStudio()
  const showToast = useToast()

  return async (id: string, name: string, number: number) => {
    try {
      const version = await unwrap(
        api().GET('/api/v1/workspaces/{slug}/workflows/{workflow_id}/versions/{number}', {
          params: { path: { slug, workflow_id: id, number } },
        }),
      )
      const graph = openDocument(version.document, catalog, name)
      if (!graph) throw new ApiProblem(0, text.workflows.notOpened)
      open({ graph: { ...graph, title: name }, file: { id, version: number }, isSaved: true })
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      showToast(text.workflows.notOpened, 'bad')
    }
  }
}
