const BYTES = 16

/** 32 random hexadecimal digits. crypto.randomUUID would need HTTPS, which a studio on a local network lacks. */
export function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
