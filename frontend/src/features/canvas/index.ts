export { Canvas } from './Canvas'
export { CanvasProvider } from './CanvasProvider'
export type { CanvasPort } from './port'
