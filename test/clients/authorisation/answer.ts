// An answer as it is compared: without what differs between two runs of one broker (ids, times, addresses), its lists in
// one order. Of messages only whether there is one is compared: Apache Kafka prints its own request in some.

const ZERO_ID = /^A+$/
const DROPPED = new Set([
  'throttleTimeMs',
  'clusterId',
  'brokers',
  'controllerId',
  'host',
  'port',
  'nodeId',
  'memberId',
  'records',
  'transactionStartTimeMs',
  'producerId',
  'heartbeatIntervalMs',
])

/** Plain data. */
export function comparable(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) {
    return value.map(comparable).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !DROPPED.has(name))
      .map(([name, one]) => [name, comparableField(name, one)]),
  )
}

function comparableField(name: string, value: unknown): unknown {
  if (name.endsWith('rrorMessage')) return value === null || value === '' ? null : 'text'
  if (name === 'topicId' && typeof value === 'string') return ZERO_ID.test(value) ? null : 'id'
  return comparable(value)
}

/** Every error code in an answer, each once, without 0. */
export function errorCodes(value: unknown): number[] {
  const found = new Set<number>()
  const look = (one: unknown) => {
    if (typeof one !== 'object' || one === null) return
    for (const [name, field] of Object.entries(one)) {
      if (/errorcode$/i.test(name) && field !== 0) found.add(field)
      else look(field)
    }
  }
  look(value)
  return [...found].sort((a, b) => a - b)
}
