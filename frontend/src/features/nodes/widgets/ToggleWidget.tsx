import type { WidgetProps } from './props'

/** Yes or no. */
export function ToggleWidget({ input, value, onChange, onCommit }: WidgetProps) {
  const isOn = value === true
  return (
    <button
      type="button"
      role="switch"
      className="toggle nodrag"
      aria-label={input.name}
      aria-checked={isOn}
      onClick={() => {
        onChange(!isOn)
        onCommit()
      }}
    >
      <span aria-hidden />
    </button>
  )
}
