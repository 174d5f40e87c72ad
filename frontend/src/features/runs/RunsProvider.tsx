import { useQuery } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'

import { parseRun } from '@/domain/runs/wire'
import { api, unwrap } from '@/shared/api/client'

import { followRuns } from './connection'
import { RunsContext } from './context'
import { createRunsStore, takeRuns } from './store'

const RECENT_RUNS = 50
/** Links to pictures end after an hour or so. */
const REFRESH_MS = 20 * 60_000

interface Props {
  readonly slug: string
  readonly children: ReactNode
}

/** Keeps the workspace's runs: the recent ones from the service, then live. */
export function RunsProvider({ slug, children }: Props) {
  const [store] = useState(createRunsStore)
  const { data, refetch } = useQuery({
    queryKey: ['runs', slug],
    queryFn: async () => {
      const page = await unwrap(
        api().GET('/api/v1/workspaces/{slug}/runs', {
          params: { path: { slug }, query: { limit: RECENT_RUNS } },
        }),
      )
      return page.items.map(parseRun)
    },
    refetchInterval: REFRESH_MS,
  })

  useEffect(() => {
    if (data) takeRuns(store, data)
  }, [store, data])

  useEffect(() => followRuns(slug, store, () => void refetch()), [slug, store, refetch])

  return <RunsContext value={store}>{children}</RunsContext>
}
