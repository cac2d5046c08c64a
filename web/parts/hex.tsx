// Bytes as hex with their ASCII beside, sixteen a line, eight where it is narrow; the first few KiB at
// once.

import { useState } from 'preact/hooks'
import { bytes as inBytes } from './format.ts'

const PER_LINE = 8
const PART_BYTES = 2_048

/** Bytes as a hex dump. */
export function Hex({ bytes }: { readonly bytes: Uint8Array }) {
  const [shown, setShown] = useState(PART_BYTES)
  const lines: string[] = []
  for (let at = 0; at < Math.min(shown, bytes.length); at += PER_LINE) {
    lines.push(line(bytes.subarray(at, at + PER_LINE), at))
  }
  return (
    <>
      <pre class="hex mono">{lines.join('\n')}</pre>
      {shown < bytes.length && (
        <button type="button" class="link" onClick={() => setShown(shown * 8)}>
          {inBytes(bytes.length - shown)} more
        </button>
      )}
    </>
  )
}

function line(part: Uint8Array, at: number): string {
  const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  const text = [...part].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·'))
  return `${at.toString(16).padStart(6, '0')}  ${hex.padEnd(PER_LINE * 3 - 1)}  ${text.join('')}`
}

/** The bytes of a field that is text or base64; null is no bytes at all. */
export function bytesOf(text: string | null | undefined, base64?: string): Uint8Array | null {
  if (base64 !== undefined) {
    return Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0))
  }
  return text === null || text === undefined ? null : new TextEncoder().encode(text)
}
