import type { Position } from '@/domain/graph/types'

/** What the rest of the editor may ask of the canvas, so that it need not know xyflow. */
export interface CanvasPort {
  readonly fit: () => void
  readonly zoomTo: (zoom: number) => void
  /** The middle of what is seen, on the canvas and on the screen. */
  readonly middle: () => { readonly flow: Position; readonly screen: Position }
  readonly selectedLinks: () => ReadonlySet<string>
}
