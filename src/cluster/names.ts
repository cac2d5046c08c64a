// Which topic names are allowed, in Kafka's words. Not whether a topic exists.
// Follows org.apache.kafka.common.internals.Topic of 4.1.1.

/** Longest topic name, in characters (a file name with a suffix had to fit). */
const MAX_LENGTH = 249

/** The log of the controllers themselves; nobody may create a topic of this name. */
export const METADATA_TOPIC = '__cluster_metadata'

/** What a secured broker writes down of refusals and changes. */
export const AUDIT_TOPIC = '__ottla_audit'

const INTERNAL = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
  AUDIT_TOPIC,
])

/** Why a topic name is refused, or null when it is fine. The error is INVALID_TOPIC_EXCEPTION. */
export function topicNameFault(name: string): string | null {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '${name}' is not allowed`
  if (name.length > MAX_LENGTH) {
    return `Topic name is invalid: the length of '${name}' is longer than the max allowed length ${MAX_LENGTH}`
  }
  if (/^[a-zA-Z0-9._-]+$/.test(name)) return null
  return `Topic name is invalid: '${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
}

/** Names with the same key collide: `.` and `_` become one character in names of metrics. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}

/** Topics that Kafka keeps for itself; Metadata marks them. */
export function isInternalTopic(name: string): boolean {
  return INTERNAL.has(name)
}
