import type { FormEvent, ReactNode } from 'react'

import { text } from '@/shared/messages'

interface Props {
  readonly title: string
  readonly lead: string
  readonly action: string
  readonly busyAction: string
  readonly isBusy: boolean
  readonly error: Error | null
  readonly onSubmit: (values: FormData) => void
  readonly children: ReactNode
  readonly footer?: ReactNode
}

/** The frame of the pages before the studio. */
export function AccountPage(props: Props) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    props.onSubmit(new FormData(event.currentTarget))
  }
  return (
    <main className="account">
      <div className="account-card">
        <div className="account-brand">
          <img src="/favicon.svg" alt="" width={36} height={36} />
          <span>{text.app.name}</span>
        </div>
        <h1>{props.title}</h1>
        <p className="account-lead">{props.lead}</p>
        <form onSubmit={submit}>
          {props.children}
          {props.error && (
            <p className="form-error" role="alert">
              {props.error.message}
            </p>
          )}
          <button type="submit" className="button button-run button-wide" disabled={props.isBusy}>
            {props.isBusy ? props.busyAction : props.action}
          </button>
        </form>
        {props.footer}
      </div>
    </main>
  )
}
