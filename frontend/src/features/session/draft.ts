// The draft: the open workflow, kept on this device after every change, so that a reload loses nothing.
import { openDocument } from '@/domain/formats/open'
import { toWorkflow } from '@/domain/formats/toWorkflow'
import { asNumber, asText, isObject, parseJson } from '@/domain/graph/json'
import type { Catalog } from '@/domain/catalog/types'

import type { Opening, Session } from './session'
import type { SavedFile } from './view'

const DELAY_MS = 300

/** `owner` names a person in a workspace. */
function keyOf(owner: string): string {
  return `atelier.draft.${owner}`
}

/** Null where there is none, or none that can be read. */
export function loadDraft(owner: string, catalog: Catalog): Opening | null {
  const stored = parseJson(localStorage.getItem(keyOf(owner)) ?? '')
  if (!isObject(stored)) return null
  const graph = openDocument(stored['document'], catalog, '')
  const clientRef = asText(stored['clientRef'])
  if (!graph || clientRef === null) return null
  return { graph, clientRef, file: readFile(stored['file']), isSaved: stored['isSaved'] === true }
}

function readFile(value: unknown): SavedFile | null {
  if (!isObject(value)) return null
  const id = asText(value['id'])
  const version = asNumber(value['version'])
  return id === null || version === null ? null : { id, version }
}

/** Keeps the draft of `session` until the returned function is called. */
export function keepDraft(owner: string, session: Session, catalog: Catalog): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const write = () => {
    clearTimeout(timer)
    timer = undefined
    const { file, isSaved } = session.view.getState()
    const draft = {
      clientRef: session.clientRef,
      file,
      isSaved,
      document: toWorkflow(session.graph.getSnapshot(), catalog),
    }
    try {
      localStorage.setItem(keyOf(owner), JSON.stringify(draft))
    } catch {
      // The quota is used up: a draft that is not kept must not stop the work.
    }
  }
  const schedule = () => {
    clearTimeout(timer)
    timer = setTimeout(write, DELAY_MS)
  }
  write()
  const stops = [session.graph.subscribe(schedule), session.view.subscribe(schedule)]
  window.addEventListener('pagehide', write)
  return () => {
    for (const stop of stops) stop()
    window.removeEventListener('pagehide', write)
    if (timer !== undefined) write()
  }
}
