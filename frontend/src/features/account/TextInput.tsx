import { useId } from 'react'

interface Props {
  readonly name: string
  readonly label: string
  readonly type: 'text' | 'email' | 'password'
  readonly autoComplete: string
  readonly defaultValue?: string
  readonly hint?: string
  readonly minLength?: number
  readonly hasFocus?: boolean
}

/** A labelled field of a form. */
export function TextInput({
  name,
  label,
  type,
  autoComplete,
  defaultValue,
  hint,
  minLength,
  hasFocus,
}: Props) {
  const id = useId()
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        autoComplete={autoComplete}
        defaultValue={defaultValue}
        minLength={minLength}
        autoFocus={hasFocus}
        aria-describedby={hint ? `${id}-hint` : undefined}
        required
      />
      {hint && (
        <p id={`${id}-hint`} className="form-hint">
          {hint}
        </p>
      )}
    </div>
  )
}
