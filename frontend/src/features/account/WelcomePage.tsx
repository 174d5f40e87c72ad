import { text } from '@/shared/messages'

import { AccountPage } from './AccountPage'
import { useChooseCredentials, type Account } from './session'
import { TextInput } from './TextInput'
import { textOf } from './values'

/** The service asks for as many (webapp.common.limits). */
const MIN_PASSWORD_CHARS = 12

/** The first owner chooses how to sign in from now on. */
export function WelcomePage({ account }: { readonly account: Account }) {
  const choose = useChooseCredentials()
  return (
    <AccountPage
      title={text.account.welcomeTitle}
      lead={text.account.welcomeLead}
      action={text.account.welcomeAction}
      busyAction={text.account.welcomeBusy}
      isBusy={choose.isPending}
      error={choose.error}
      onSubmit={(values) =>
        choose.mutate({
          name: textOf(values, 'name'),
          email: textOf(values, 'email'),
          password: textOf(values, 'password'),
        })
      }
    >
      <TextInput name="name" label={text.account.name} type="text" autoComplete="name" hasFocus />
      <TextInput
        name="email"
        label={text.account.email}
        type="email"
        autoComplete="username"
        defaultValue={account.user.needs_setup ? '' : account.user.email}
      />
      <TextInput
        name="password"
        label={text.account.password}
        type="password"
        autoComplete="new-password"
        minLength={MIN_PASSWORD_CHARS}
        hint={text.account.passwordHint}
      />
    </AccountPage>
  )
}
