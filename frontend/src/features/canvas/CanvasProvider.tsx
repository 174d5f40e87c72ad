import { ReactFlowProvider } from '@xyflow/react'
import type { ReactNode } from 'react'

/** The camera of one open workflow. */
export function CanvasProvider({ children }: { readonly children: ReactNode }) {
  return <ReactFlowProvider>{children}</ReactFlowProvider>
}
