export { NodeCard, type PortProps } from './NodeCard'
export { socketStyle } from './ports'
