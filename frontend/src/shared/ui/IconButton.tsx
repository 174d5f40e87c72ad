import type { LucideIcon } from 'lucide-react'

interface Props {
  readonly icon: LucideIcon
  readonly label: string
  readonly hint?: string
  readonly isPressed?: boolean
  readonly isDisabled?: boolean
  readonly size?: number
  readonly onPress: () => void
}

/** A button that is only an icon; its label is read out and shown as a tooltip. */
export function IconButton({
  icon: Icon,
  label,
  hint,
  isPressed,
  isDisabled,
  size = 16,
  onPress,
}: Props) {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={hint ?? label}
      aria-pressed={isPressed}
      disabled={isDisabled}
      onClick={onPress}
    >
      <Icon size={size} strokeWidth={1.75} aria-hidden />
    </button>
  )
}
