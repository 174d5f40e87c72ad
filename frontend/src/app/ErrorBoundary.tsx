import { Component, type ReactNode } from 'react'

import { text } from '@/shared/messages'
import { FullPage } from '@/shared/ui/FullPage'

interface Props {
  readonly children: ReactNode
}

interface State {
  readonly hasFailed: boolean
}

/** Shows a way out when something inside cannot be drawn. React offers this to classes alone. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { hasFailed: false }

  static getDerivedStateFromError(): State {
    return { hasFailed: true }
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children
    return (
      <FullPage title={text.app.failedTitle} detail={text.app.failedDetail}>
        <button type="button" className="button" onClick={() => location.reload()}>
          {text.app.reload}
        </button>
      </FullPage>
    )
  }
}
