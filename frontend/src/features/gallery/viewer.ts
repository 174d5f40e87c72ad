// The viewer of full-size pictures, for whoever shows small ones.
import { createContext, useContext } from 'react'

export interface Viewer {
  readonly open: (asset: string) => void
}

export const ViewerContext = createContext<Viewer>({ open: () => undefined })

export function useViewer(): Viewer {
  return useContext(ViewerContext)
}
