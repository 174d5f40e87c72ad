export { SaveDialog } from './SaveDialog'
export { WorkflowDrawer } from './WorkflowDrawer'
export { useSaveWorkflow } from './workflows'
