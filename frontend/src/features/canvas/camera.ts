// How the camera moves.

export const ZOOM_MS = 180
export const JUMP_MS = 240
/** Room for the bars that float over the canvas. */
export const FIT = {
  padding: { top: '76px', right: '40px', bottom: '176px', left: '88px' },
  maxZoom: 1.1,
  duration: JUMP_MS,
} as const
export const MIN_ZOOM = 0.08
export const MAX_ZOOM = 3
