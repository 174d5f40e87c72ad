// Binary websocket frames: [u8 channel][u32 big-endian document number][u8 length of the node id][node id][JPEG].

const PREVIEW_CHANNEL = 2
const NODE_ID_OFFSET = 6

export interface PreviewFrame {
  /** Stands for a run; a `preview_document` message tells which. */
  readonly document: number
  readonly node: string
  readonly jpeg: Uint8Array<ArrayBuffer>
}

/** Null for frames of other channels and for torn ones. */
export function parsePreviewFrame(buffer: ArrayBuffer): PreviewFrame | null {
  const view = new DataView(buffer)
  if (buffer.byteLength < NODE_ID_OFFSET || view.getUint8(0) !== PREVIEW_CHANNEL) return null
  const jpegOffset = NODE_ID_OFFSET + view.getUint8(NODE_ID_OFFSET - 1)
  if (jpegOffset >= buffer.byteLength) return null
  return {
    document: view.getUint32(1),
    node: new TextDecoder().decode(
      new Uint8Array(buffer, NODE_ID_OFFSET, jpegOffset - NODE_ID_OFFSET),
    ),
    jpeg: new Uint8Array(buffer, jpegOffset),
  }
}
