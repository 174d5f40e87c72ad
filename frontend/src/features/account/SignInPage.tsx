import { text } from '@/shared/messages'

import { AccountPage } from './AccountPage'
import { useSignIn } from './session'
import { TextInput } from './TextInput'
import { textOf } from './values'

/** Mail and password. */
export function SignInPage() {
  const signIn = useSignIn()
  return (
    <AccountPage
      title={text.account.signInTitle}
      lead={text.account.signInLead}
      action={text.account.signInAction}
      busyAction={text.account.signingIn}
      isBusy={signIn.isPending}
      error={signIn.error}
      onSubmit={(values) =>
        signIn.mutate({ email: textOf(values, 'email'), password: textOf(values, 'password') })
      }
      footer={
        <p className="account-footer">
          {text.account.linkHint} <code>{text.account.linkCommand}</code>
        </p>
      }
    >
      <TextInput
        name="email"
        label={text.account.email}
        type="email"
        autoComplete="username"
        hasFocus
      />
      <TextInput
        name="password"
        label={text.account.password}
        type="password"
        autoComplete="current-password"
      />
    </AccountPage>
  )
}
