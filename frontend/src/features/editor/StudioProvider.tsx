import { useQuery } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'

import { parseCatalog, type Catalog } from '@/domain/catalog/types'
import { fromPrompt } from '@/domain/formats/fromPrompt'
import { useAccount } from '@/features/account'
import {
  keepDraft,
  loadDraft,
  openSession,
  StudioContext,
  type Opening,
  type Session,
} from '@/features/session'
import { api, unwrap } from '@/shared/api/client'
import { text } from '@/shared/messages'
import { FullPage } from '@/shared/ui/FullPage'

interface Props {
  readonly slug: string
  readonly children: ReactNode
}

/** Loads what the editor needs, and holds the open workflow. */
export function StudioProvider({ slug, children }: Props) {
  const { data, error, refetch } = useQuery({
    queryKey: ['catalog', slug],
    queryFn: async () =>
      parseCatalog(
        await unwrap(
          api().GET('/api/v1/workspaces/{slug}/catalog', { params: { path: { slug } } }),
        ),
      ),
    staleTime: 60_000,
  })
  if (data) {
    return (
      <OpenStudio slug={slug} catalog={data}>
        {children}
      </OpenStudio>
    )
  }
  if (!error) return <FullPage title={text.app.loading} isBusy />
  return (
    <FullPage title={text.app.unreachableTitle} detail={text.app.unreachableDetail}>
      <button type="button" className="button" onClick={() => void refetch()}>
        {text.app.retry}
      </button>
    </FullPage>
  )
}

function OpenStudio({ slug, catalog, children }: Props & { readonly catalog: Catalog }) {
  const { data: account } = useAccount()
  // People who share a browser do not share their drafts.
  const owner = `${account?.user.id ?? ''}.${slug}`
  const [session, setSession] = useState<Session>(() => openSession(firstOpening(owner, catalog)))
  useEffect(() => keepDraft(owner, session, catalog), [owner, session, catalog])

  const open = (opening: Opening) => setSession(openSession(opening))
  return <StudioContext value={{ slug, catalog, session, open }}>{children}</StudioContext>
}

/** The draft of this device, else the graph that the service suggests. */
function firstOpening(owner: string, catalog: Catalog): Opening {
  const { prompt, title } = catalog.defaultWorkflow
  return loadDraft(owner, catalog) ?? { graph: fromPrompt(prompt, catalog, title) }
}
