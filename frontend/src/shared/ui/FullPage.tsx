import { LoaderCircle } from 'lucide-react'
import type { ReactNode } from 'react'

interface Props {
  readonly title: string
  readonly detail?: string
  readonly isBusy?: boolean
  readonly children?: ReactNode
}

/** A message in place of the page. */
export function FullPage({ title, detail, isBusy, children }: Props) {
  return (
    <main className="full-page">
      {isBusy && <LoaderCircle className="spinning" size={20} aria-hidden />}
      <h1>{title}</h1>
      {detail && <p>{detail}</p>}
      {children}
    </main>
  )
}
