// Short messages that go by themselves.
import { createContext, useContext } from 'react'

export type Tone = 'plain' | 'good' | 'bad'
export type ShowToast = (message: string, tone?: Tone) => void

export const ToastContext = createContext<ShowToast>(() => undefined)

export function useToast(): ShowToast {
  return useContext(ToastContext)
}
