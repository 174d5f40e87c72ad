// Ids are random, never counted up: two people can add nodes at once. They are decimal so that ComfyUI reads them.
import type { NodeId } from './types'

const ID_RANGE = 2 ** 31

/** A random id in [1, 2^31) that `isTaken` does not know. */
export function newNodeId(
  isTaken: (id: NodeId) => boolean,
  random: () => number = Math.random,
): NodeId {
  let id = drawId(random)
  while (isTaken(id)) id = drawId(random)
  return id
}

function drawId(random: () => number): NodeId {
  return String(1 + Math.floor(random() * (ID_RANGE - 1)))
}

/** Order of ids by their number; what is no number comes last, by its letters. */
export function compareIds(a: NodeId, b: NodeId): number {
  const [left, right] = [Number(a), Number(b)]
  if (Number.isNaN(left) && Number.isNaN(right)) return a < b ? -1 : a > b ? 1 : 0
  if (Number.isNaN(left)) return 1
  if (Number.isNaN(right)) return -1
  return left - right
}
