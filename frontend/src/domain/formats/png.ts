// Text chunks of PNG files, where pictures carry the graph that made them. Reads bytes, decodes no pixels.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const CHUNK_FRAME_BYTES = 12
const HEADER_BYTES = 8

/** Keyword to text, of tEXt and of uncompressed iTXt chunks. Null for what is no PNG; a torn file gives what it has. */
export function readPngTexts(bytes: Uint8Array): ReadonlyMap<string, string> | null {
  if (!SIGNATURE.every((byte, index) => bytes[index] === byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts = new Map<string, string>()
  let offset = SIGNATURE.length
  while (offset + HEADER_BYTES <= bytes.length) {
    const length = view.getUint32(offset)
    const type = latin1(bytes.subarray(offset + 4, offset + HEADER_BYTES))
    const body = bytes.subarray(offset + HEADER_BYTES, offset + HEADER_BYTES + length)
    if (body.length < length || type === 'IEND') break
    const found =
      type === 'tEXt' ? readText(body) : type === 'iTXt' ? readInternational(body) : null
    if (found) texts.set(found.keyword, found.text)
    offset += CHUNK_FRAME_BYTES + length
  }
  return texts
}

interface Text {
  readonly keyword: string
  readonly text: string
}

/** keyword NUL text, both Latin-1. */
function readText(body: Uint8Array): Text | null {
  const end = body.indexOf(0)
  if (end < 0) return null
  return { keyword: latin1(body.subarray(0, end)), text: latin1(body.subarray(end + 1)) }
}

/** keyword NUL compressed method language NUL translated NUL text, the text in UTF-8. */
function readInternational(body: Uint8Array): Text | null {
  const end = body.indexOf(0)
  const isCompressed = body[end + 1] !== 0
  const language = body.indexOf(0, end + 3)
  const translated = body.indexOf(0, language + 1)
  if (end < 0 || isCompressed || language < 0 || translated < 0) return null
  const text = new TextDecoder().decode(body.subarray(translated + 1))
  return { keyword: latin1(body.subarray(0, end)), text }
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
