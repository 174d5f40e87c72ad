export { NodeCard, type PortProps } from './NodeCard'
export { socketColor, socketStyle } from './ports'
