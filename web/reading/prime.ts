// The newest stretch of many partitions by one request: the stream of events from a position a little
// before each end, read until it is at all ends. Without it each partition would be a request.

import { readEvents } from '../broker/events.ts'
import { pathOf, send } from '../broker/http.ts'
import { parsePosition, positionText } from '../broker/positions.ts'
import type { Item } from '../broker/shapes.ts'
import type { PartitionCursor } from './cursor.ts'

/** With fewer partitions requests of their own are as good. */
const PARTITIONS_MIN = 3
/** `from` is part of a URL, and ids are 4 KiB at most. */
const POSITION_UNITS_MAX = 3_000
/** What is not there by then is read partition by partition. */
const WITHIN_MS = 2_000

/** Fills cursors with their first stretch as far as it goes; what it cannot do is left to them. */
export async function prime(
  topic: string,
  cursors: readonly PartitionCursor[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = cursors.filter(({ isAtEnd }) => !isAtEnd)
  if (wanted.length < PARTITIONS_MIN) return
  const stretches = new Map(cursors.map((cursor) => [cursor.partition, cursor.stretch]))
  const from = positionText(
    new Map([...stretches].map(([partition, one]) => [partition, one.from])),
  )
  if (from.length > POSITION_UNITS_MAX) return
  const items = new Map<number, Item[]>()
  const missing = new Set(wanted.map(({ partition }) => partition))
  const reading = new AbortController()
  const until = AbortSignal.any([signal, reading.signal, AbortSignal.timeout(WITHIN_MS)])
  try {
    const path = pathOf(['topics', topic, 'events'], { from })
    const response = await send(path, { signal: until })
    await readEvents(response, until, (events) => {
      for (const { type, data } of events) {
        if (data === '' || (type !== 'message' && type !== 'malformed')) continue
        const item = JSON.parse(data) as Item
        const to = stretches.get(item.partition)?.to ?? 0
        if (item.offset >= to) continue
        const known = items.get(item.partition)
        if (known === undefined) items.set(item.partition, [item])
        else known.push(item)
      }
      for (const [partition, next] of parsePosition(events.at(-1)?.id ?? '')) {
        if (next >= (stretches.get(partition)?.to ?? 0)) missing.delete(partition)
      }
      if (missing.size === 0) reading.abort()
    })
  } catch {
    // Refused, broken off, or all there: what is missing is read by its cursor.
    signal.throwIfAborted()
  } finally {
    reading.abort()
  }
  for (const cursor of wanted) {
    if (!missing.has(cursor.partition)) cursor.prime(items.get(cursor.partition) ?? [])
  }
}
