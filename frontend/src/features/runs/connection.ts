// The websocket of this tab: events into the store, previews decoded before they are shown.
import { parsePreviewFrame } from '@/domain/runs/frames'
import { parseMessage } from '@/domain/runs/wire'
import { openSocket } from '@/shared/lib/socket'

import { takeMessage, takePreview, type Preview, type RunsStore } from './store'

/** Listens until the returned function is called. `onOpen` asks for the state after every connection. */
export function followRuns(slug: string, store: RunsStore, onOpen: () => void): () => void {
  const documents = new Map<number, string>()
  const socket = openSocket(`/ws/workspaces/${encodeURIComponent(slug)}`, {
    onState: (connection) => store.setState({ connection }),
    onOpen: (send) => {
      documents.clear()
      send({ type: 'subscribe', runs: 'mine' })
      onOpen()
    },
    onText: (message) => {
      const parsed = parseMessage(message)
      if (parsed?.type === 'preview_document') documents.set(parsed.number, parsed.run)
      if (parsed) takeMessage(store, parsed)
    },
    onFrame: (buffer) => {
      void showFrame(buffer).finally(() => socket.send({ type: 'ack', frames: 1 }))
    },
  })

  const showFrame = async (buffer: ArrayBuffer) => {
    const frame = parsePreviewFrame(buffer)
    const run = documents.get(frame?.document ?? -1)
    if (!frame || run === undefined) return
    const preview = await decode(frame.jpeg)
    if (preview) takePreview(store, run, frame.node, preview)
  }

  return socket.close
}

/** Decoded before it is shown, so that pictures follow each other without a blink. */
async function decode(jpeg: Uint8Array<ArrayBuffer>): Promise<Preview | null> {
  const url = URL.createObjectURL(new Blob([jpeg], { type: 'image/jpeg' }))
  const picture = new Image()
  picture.src = url
  try {
    await picture.decode()
  } catch {
    URL.revokeObjectURL(url)
    return null
  }
  return { url, width: picture.naturalWidth, height: picture.naturalHeight }
}
