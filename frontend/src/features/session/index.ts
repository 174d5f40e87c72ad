export {
  StudioContext,
  useCatalog,
  useGraph,
  useGraphPart,
  useLinkInto,
  useNode,
  useSession,
  useStudio,
  useView,
  type Studio,
} from './context'
export { keepDraft, loadDraft } from './draft'
export { openSession, type Opening, type Session } from './session'
export type { PaletteRequest } from './view'
