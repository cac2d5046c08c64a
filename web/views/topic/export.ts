// The messages that are shown, as a file: JSON as the broker gives them, or CSV.

import { type Item, isMalformed } from '../../broker/shapes.ts'
import { counted } from '../../parts/format.ts'
import { tellDone } from '../../shell/toasts.tsx'

/** Makes the file and has it saved. */
export function exportAs(form: 'json' | 'csv', topic: string, items: readonly Item[]): void {
  const text = form === 'json' ? `${JSON.stringify(items, null, 2)}\n` : csvOf(items)
  const type = form === 'json' ? 'application/json' : 'text/csv'
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${topic}.${form}`
  link.click()
  URL.revokeObjectURL(url)
  tellDone(`${counted(items.length, 'message')} exported`)
}

const COLUMNS = ['partition', 'offset', 'timestamp', 'key', 'value', 'headers'] as const

/** RFC 4180; bytes that are no text are base64, as the column's value says. */
export function csvOf(items: readonly Item[]): string {
  const rows = items.map((item) => {
    const { partition, offset } = item
    if (isMalformed(item)) return [partition, offset, '', '', `${item.error}: ${item.detail}`, '']
    const { timestamp, key, keyBase64, value, valueBase64, headers } = item
    return [
      partition,
      offset,
      new Date(timestamp).toISOString(),
      keyBase64 === undefined ? (key ?? '') : `base64:${keyBase64}`,
      valueBase64 === undefined ? (value ?? '') : `base64:${valueBase64}`,
      headers.length === 0 ? '' : JSON.stringify(headers),
    ]
  })
  return [COLUMNS, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

/** A cell that a spreadsheet would take for a formula is told that it is text. */
function cell(value: string | number): string {
  const text = String(value)
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
