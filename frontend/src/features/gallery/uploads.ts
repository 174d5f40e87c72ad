// Pictures that a node can load: uploaded ones, and those that runs made.
import { useQuery, useQueryClient } from '@tanstack/react-query'

import { useStudio } from '@/features/session'
import { api, unwrap, type Schemas } from '@/shared/api/client'
import { ApiProblem } from '@/shared/api/problem'
import { text } from '@/shared/messages'
import { useToast } from '@/shared/ui/toasts'

export type Asset = Schemas['AssetOut']

const PAGE = 100
/** Before the service's links end. */
const REFRESH_MS = 20 * 60_000
const BY_DIGEST = 'asset:'

export function useUploads(): readonly Asset[] {
  const { slug } = useStudio()
  const { data } = useQuery({
    queryKey: ['uploads', slug],
    queryFn: () =>
      unwrap(
        api().GET('/api/v1/workspaces/{slug}/assets', {
          params: { path: { slug }, query: { limit: PAGE } },
        }),
      ),
    refetchInterval: REFRESH_MS,
  })
  return data?.items ?? []
}

/** The asset that a LoadImage value names: by its name, or by its digest. */
export function findUpload(uploads: readonly Asset[], value: string): Asset | null {
  const found = value.startsWith(BY_DIGEST)
    ? uploads.find((asset) => asset.sha256 === value.slice(BY_DIGEST.length))
    : uploads.find((asset) => asset.name === value)
  return found ?? null
}

/** Uploads a file; null, with a message shown, where the service refuses it. */
export function useUploadPicture(): (file: File) => Promise<Asset | null> {
  const { slug } = useStudio()
  const queries = useQueryClient()
  const showToast = useToast()
  return async (file) => {
    try {
      const asset = await unwrap(
        api().POST('/api/v1/workspaces/{slug}/assets', {
          params: { path: { slug } },
          body: { file: '' },
          bodySerializer: () => formOf(file),
        }),
      )
      await Promise.all([
        queries.invalidateQueries({ queryKey: ['uploads', slug] }),
        queries.invalidateQueries({ queryKey: ['catalog', slug] }),
      ])
      return asset
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error
      showToast(error.status === 0 ? text.editor.uploadFailed(file.name) : error.message, 'bad')
      return null
    }
  }
}

function formOf(file: File): FormData {
  const form = new FormData()
  form.set('file', file)
  return form
}
