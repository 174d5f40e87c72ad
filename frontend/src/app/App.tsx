import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { useState } from 'react'

import { Toasts } from '@/shared/ui/Toasts'

import { ErrorBoundary } from './ErrorBoundary'
import { Routes } from './Routes'

/** Everything. */
export function App() {
  const [queries] = useState(
    () =>
      new QueryClient({ defaultOptions: { queries: { retry: 1, refetchOnWindowFocus: false } } }),
  )
  return (
    <ErrorBoundary>
      <QueryClientProvider client={queries}>
        <Toasts>
          <Routes />
        </Toasts>
      </QueryClientProvider>
    </ErrorBoundary>
  )
}
