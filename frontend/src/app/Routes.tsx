import { Redirect, useLocation } from 'wouter'

import { SignInPage, useAccount, WelcomePage } from '@/features/account'
import { EditorPage } from '@/features/editor'
import { text } from '@/shared/messages'
import { FullPage } from '@/shared/ui/FullPage'

const HOME = '/'
const SIGN_IN = '/sign-in'
const WELCOME = '/welcome'

/** Signed out: the sign-in page. Not set up yet: the welcome page. Else the studio. */
export function Routes() {
  const [path] = useLocation()
  const { data: account, error, refetch } = useAccount()
  if (error) {
    return (
      <FullPage title={text.app.unreachableTitle} detail={text.app.unreachableDetail}>
        <button type="button" className="button" onClick={() => void refetch()}>
          {text.app.retry}
        </button>
      </FullPage>
    )
  }
  if (account === undefined) return <FullPage title={text.app.loading} isBusy />
  if (account === null) return path === SIGN_IN ? <SignInPage /> : <Redirect to={SIGN_IN} replace />
  if (account.user.needs_setup) {
    return path === WELCOME ? <WelcomePage account={account} /> : <Redirect to={WELCOME} replace />
  }
  if (path !== HOME) return <Redirect to={HOME} replace />
  const workspace = account.workspaces[0]
  return workspace ? (
    <EditorPage slug={workspace.slug} />
  ) : (
    <FullPage title={text.app.noWorkspace} />
  )
}
