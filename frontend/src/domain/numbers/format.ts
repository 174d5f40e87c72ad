// Numbers in fields: how they are shown, read, rounded and kept in range.

export interface NumberRange {
  readonly min: number
  readonly max: number
  readonly step: number
  /** What values are rounded to; 1 for whole numbers. */
  readonly precision: number
}

const FLOAT_STEP = 0.1
const FLOAT_PRECISION = 0.01

export function rangeOf(input: {
  readonly type: string
  readonly min?: number | null | undefined
  readonly max?: number | null | undefined
  readonly step?: number | null | undefined
  readonly round?: number | null | undefined
}): NumberRange {
  const isWhole = input.type === 'INT'
  const step = input.step ?? (isWhole ? 1 : FLOAT_STEP)
  return {
    min: input.min ?? -Infinity,
    max: input.max ?? Infinity,
    step,
    precision: isWhole ? 1 : (input.round ?? Math.min(step, FLOAT_PRECISION)),
  }
}

/** `value` rounded and within the range. */
export function fitNumber(value: number, { min, max, precision }: NumberRange): number {
  const rounded = Math.round(value / precision) * precision
  // Multiples of 0.01 are not exact: 3 * 0.1 is 0.30000000000000004.
  const exact = Number(rounded.toFixed(decimalsOf(precision)))
  return Math.min(max, Math.max(min, exact))
}

/** A typed number; commas count as points, and sums are allowed: "512*2". Null for what is none. */
export function parseNumber(typed: string): number | null {
  const compact = typed.replaceAll(',', '.').replaceAll(/\s+/g, '')
  const parts = /^(-?[\d.]+(?:e[+-]?\d+)?)(?:([-+*/])(-?[\d.]+))?$/i.exec(compact)
  if (!parts) return null
  const [, first = '', operator, second = ''] = parts
  const value = operator ? calculate(Number(first), operator, Number(second)) : Number(first)
  return Number.isFinite(value) ? value : null
}

function calculate(a: number, operator: string, b: number): number {
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  return operator === '*' ? a * b : a / b
}

export function formatNumber(value: number, { precision }: NumberRange): string {
  if (precision >= 1) return String(value)
  const [whole, decimals = ''] = value.toFixed(decimalsOf(precision)).split('.')
  const short = decimals.replace(/0+$/, '')
  return `${whole ?? ''}.${short || '0'}`
}

function decimalsOf(precision: number): number {
  return Math.max(0, Math.min(10, Math.ceil(-Math.log10(precision))))
}
