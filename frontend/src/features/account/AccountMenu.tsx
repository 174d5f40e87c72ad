import { LogOut } from 'lucide-react'
import { useState } from 'react'

import { text } from '@/shared/messages'
import { Popover } from '@/shared/ui/Popover'

import { useAccount, useSignOut } from './session'

/** The person's initial; opens who they are, and signing out. */
export function AccountMenu() {
  const { data: account } = useAccount()
  const signOut = useSignOut()
  const [anchor, setAnchor] = useState<DOMRect | null>(null)
  if (!account) return null
  const { name, email } = account.user
  return (
    <>
      <button
        type="button"
        className="avatar"
        aria-label={text.account.menu(name || email)}
        aria-haspopup="menu"
        onClick={(event) => setAnchor(event.currentTarget.getBoundingClientRect())}
      >
        {(name || email).slice(0, 1).toUpperCase()}
      </button>
      {anchor && (
        <Popover
          anchor={anchor}
          label={text.account.menu(name || email)}
          role="menu"
          width={216}
          onClose={() => setAnchor(null)}
        >
          <div className="account-summary">
            <strong>{name}</strong>
            <span>{email}</span>
          </div>
          <button
            type="button"
            role="menuitem"
            className="menu-item"
            onClick={() => signOut.mutate()}
          >
            <LogOut size={14} strokeWidth={1.75} aria-hidden />
            <span>{text.account.signOut}</span>
          </button>
        </Popover>
      )}
    </>
  )
}
