import { X } from 'lucide-react'
import { useCallback, useState, type ReactNode } from 'react'

import { text } from '../messages'
import { IconButton } from './IconButton'
import { ToastContext, type Tone } from './toasts'

const SHOWN_MS = 5_000

interface Toast {
  readonly id: number
  readonly message: string
  readonly tone: Tone
}

/** Holds the toasts of everything inside it. */
export function Toasts({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([])
  const remove = (id: number) => setToasts((shown) => shown.filter((toast) => toast.id !== id))
  const show = useCallback((message: string, tone: Tone = 'plain') => {
    const id = performance.now()
    setToasts((shown) => [
      ...shown.filter((toast) => toast.message !== message),
      { id, message, tone },
    ])
    setTimeout(() => setToasts((shown) => shown.filter((toast) => toast.id !== id)), SHOWN_MS)
  }, [])

  return (
    <ToastContext value={show}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className="toast" data-tone={toast.tone}>
            <span>{toast.message}</span>
            <IconButton
              icon={X}
              size={14}
              label={text.toasts.dismiss}
              onPress={() => remove(toast.id)}
            />
          </div>
        ))}
      </div>
    </ToastContext>
  )
}
