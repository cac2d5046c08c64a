// RFC 3339 times in queries, to milliseconds.

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/

/** Milliseconds since the epoch, or null for text that is no RFC 3339 time. */
export function parseTime(text: string): number | null {
  // A plus sign that nobody escaped arrives in a query as a space.
  const restored = text.replace(/ (\d{2}:\d{2})$/, '+$1')
  if (!RFC_3339.test(restored)) return null
  const ms = Date.parse(restored.replace(' ', 'T').toUpperCase())
  return Number.isNaN(ms) || ms < 0 ? null : ms
}
