// The curve of a link: horizontal ends, and a bow that grows with the distance.

const MIN_BOW = 28
const MAX_BOW = 180

export function linkPath(x1: number, y1: number, x2: number, y2: number): string {
  const distance = Math.hypot(x2 - x1, y2 - y1)
  const bow = Math.max(MIN_BOW, Math.min(MAX_BOW, distance * 0.42))
  const numbers = [x1, y1, x1 + bow, y1, x2 - bow, y2, x2, y2].map((value) => value.toFixed(1))
  const [a, b, c, d, e, f, g, h] = numbers
  return `M${String(a)},${String(b)} C${String(c)},${String(d)} ${String(e)},${String(f)} ${String(g)},${String(h)}`
}
