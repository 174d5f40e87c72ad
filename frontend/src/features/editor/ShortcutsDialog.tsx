import { X } from 'lucide-react'

import { text } from '@/shared/messages'
import { IconButton } from '@/shared/ui/IconButton'
import { Modal } from '@/shared/ui/Modal'

import { BINDINGS } from './keys'

/** All keys. */
export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Modal label={text.shortcuts.title} className="dialog" onClose={onClose}>
      <header className="dialog-head">
        <h2>{text.shortcuts.title}</h2>
        <IconButton icon={X} label={text.shortcuts.close} onPress={onClose} />
      </header>
      <dl className="shortcut-list">
        {BINDINGS.map(({ label, shown }) => (
          <div key={shown}>
            <dt>{label}</dt>
            <dd>
              {shown.split(' ').map((key, index) => (
                <kbd key={index}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  )
}
