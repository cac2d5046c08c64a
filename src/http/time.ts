// RFC 3339 times in queries, to milliseconds.

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/

/** Whether the text is an RFC 3339 time, of any year. */
export function isTime(text: string): boolean {
  return RFC_3339.test(text) && !Number.isNaN(Date.parse(text.replace(' ', 'T').toUpperCase()))
}

/** Milliseconds since the epoch, or null for text that is no RFC 3339 time. */
export function parseTime(text: string): number | null {
  // A plus sign that nobody escaped arrives in a query as a space.
  const restored = text.replace(/ (\d{2}:\d{2})$/, '+$1')
  if (!RFC_3339.test(restored)) return null
  const ms = Date.parse(restored.replace(' ', 'T').toUpperCase())
  // No record is older than that: what is asked for from an earlier time is asked for from the beginning.
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}
