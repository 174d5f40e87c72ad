export { useRunActions, type RunActions } from './actions'
export {
  useLatestRun,
  useNodePreview,
  useNodeResult,
  useNodeStatus,
  useRuns,
  type NodeStatus,
} from './context'
export { Problems } from './Problems'
export { RunControls } from './RunControls'
export { RunProgress } from './RunProgress'
export { RunsProvider } from './RunsProvider'
export { RunStatus } from './RunStatus'
