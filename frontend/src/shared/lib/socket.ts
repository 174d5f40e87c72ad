// A websocket that comes back: exponential back-off with jitter, one attempt at a time.

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 15_000

export type SocketState = 'connecting' | 'open' | 'lost'

export interface SocketHandlers {
  readonly onState: (state: SocketState) => void
  readonly onOpen: (send: (message: unknown) => void) => void
  readonly onText: (text: string) => void
  readonly onFrame: (frame: ArrayBuffer) => void
}

export interface LiveSocket {
  /** Dropped while the connection is down: the other side asks for the state, not for the stream. */
  readonly send: (message: unknown) => void
  readonly close: () => void
}

export function openSocket(path: string, handlers: SocketHandlers): LiveSocket {
  let socket: WebSocket | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let attempts = 0
  let isClosed = false

  const send = (message: unknown) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
  }
  const connect = () => {
    handlers.onState(attempts === 0 ? 'connecting' : 'lost')
    socket = new WebSocket(urlOf(path))
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      attempts = 0
      handlers.onState('open')
      handlers.onOpen(send)
    }
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (typeof event.data === 'string') handlers.onText(event.data)
      else handlers.onFrame(event.data)
    }
    socket.onclose = () => {
      if (isClosed) return
      attempts += 1
      handlers.onState('lost')
      timer = setTimeout(connect, delayMs(attempts))
    }
  }
  connect()
  return {
    send,
    close: () => {
      isClosed = true
      clearTimeout(timer)
      closeQuietly(socket)
    },
  }
}

/** Closing a socket that is still connecting writes an error to the console, so that waits for its opening. */
function closeQuietly(socket: WebSocket | null): void {
  if (!socket) return
  if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close()
  else socket.close()
}

function delayMs(attempts: number): number {
  const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1))
  return delay * (0.5 + Math.random() / 2)
}

function urlOf(path: string): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return `${scheme}//${location.host}${path}`
}
