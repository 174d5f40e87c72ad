// Who is signed in.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { api, hasCsrfToken, unwrap, type Schemas } from '@/shared/api/client'
import { ApiProblem } from '@/shared/api/problem'

export type Account = Schemas['SessionOut']

const KEY = ['session']
const SIGNED_OUT = 401

/** Null while nobody is signed in. */
export function useAccount() {
  return useQuery({
    queryKey: KEY,
    queryFn: async (): Promise<Account | null> => {
      try {
        return await unwrap(api().GET('/api/v1/session'))
      } catch (error) {
        if (error instanceof ApiProblem && error.status === SIGNED_OUT) return null
        throw error
      }
    },
    staleTime: Infinity,
    retry: 2,
  })
}

export function useSignIn() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: async (body: Schemas['SignIn']) => {
      // The answer sets the cookie that signing in needs, whoever asks.
      if (!hasCsrfToken()) await api().GET('/api/v1/session')
      return unwrap(api().POST('/api/v1/session', { body }))
    },
    onSuccess: (account) => queries.setQueryData(KEY, account),
  })
}

export function useChooseCredentials() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: Schemas['Credentials']) =>
      unwrap(api().PUT('/api/v1/session/credentials', { body })),
    onSuccess: (account) => queries.setQueryData(KEY, account),
  })
}

export function useSignOut() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => unwrap(api().DELETE('/api/v1/session')),
    onSuccess: () => {
      queries.clear()
      queries.setQueryData(KEY, null)
    },
  })
}
