// Bytes as HTTP shows them: text where they are valid UTF-8, base64 where they are not, and back.

const encoder = new TextEncoder()
/** Fatal, and keeps a byte order mark: what is read back must be what was written. */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
/** String.fromCharCode takes its bytes as arguments, of which there may not be many. */
const ARGUMENTS_MAX = 8192

/** UTF-8 bytes; null for a string that has none, because of a lone surrogate. */
export function utf8(text: string): Uint8Array | null {
  return text.isWellFormed() ? encoder.encode(text) : null
}

/** How many bytes the text is in UTF-8; a lone surrogate counts as the replacement that encoders put in its place. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    // Two units that are one character have four bytes.
    if ((unit & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) at++
  }
  return bytes
}

/** The text of valid UTF-8, else null. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes)
  } catch {
    return null
  }
}

/** Bytes of padded standard base64 (RFC 4648 section 4); null for anything else. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0 || !BASE64.test(text)) return null
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}

/** Padded standard base64. */
export function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += ARGUMENTS_MAX) {
    binary += String.fromCharCode(...bytes.subarray(at, at + ARGUMENTS_MAX))
  }
  return btoa(binary)
}

/** Bytes of unpadded base64url (RFC 4648 section 5); null for anything else, bits behind the last byte too: each has one text. */
export function fromBase64Url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return null
  const standard = text.replaceAll('-', '+').replaceAll('_', '/')
  if (standard.length % 4 === 1) return null
  const bytes = fromBase64(standard.padEnd(Math.ceil(standard.length / 4) * 4, '='))
  return bytes !== null && toBase64Url(bytes) === text ? bytes : null
}

/** Unpadded base64url. */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
