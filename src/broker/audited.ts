// Which answers are worth a record of the audit log: those that say that somebody may not, and those of requests that
// change the cluster. Not the log (audit.ts) and not logins (login.ts).

import { type ErrorCode, errorName, KafkaError } from '../core/errors.ts'
import type { AuditEvent } from './audit.ts'
import { wordsOf } from './audit-words.ts'

/** APIs whose every answer is written down, by Kafka's names: they change what others have or may. */
const CHANGES: ReadonlySet<string> = new Set([
  'AlterClientQuotas',
  'AlterConfigs',
  'AlterPartitionReassignments',
  'AlterUserScramCredentials',
  'CreateAcls',
  'CreatePartitions',
  'CreateTopics',
  'DeleteAcls',
  'DeleteGroups',
  'DeleteRecords',
  'DeleteTopics',
  'ElectLeaders',
  'IncrementalAlterConfigs',
  'OffsetDelete',
  'UpdateFeatures',
  'WriteTxnMarkers',
])

const DENIALS: ReadonlySet<ErrorCode> = new Set([
  KafkaError.TOPIC_AUTHORIZATION_FAILED,
  KafkaError.GROUP_AUTHORIZATION_FAILED,
  KafkaError.CLUSTER_AUTHORIZATION_FAILED,
  KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
])

/** Fields of answers that say what an error is of. */
const NAMES = ['name', 'topicName', 'topic', 'groupId', 'transactionalId', 'resourceName', 'user']
/** Answers are lists of lists of errors at most. */
const DEPTH = 4

/** Whether the error says that somebody may not. */
export function isDenial(error: ErrorCode): boolean {
  return DENIALS.has(error)
}

/** Whether an API changes what others have or may. */
export function isChange(api: string): boolean {
  return CHANGES.has(api)
}

/**
 * What an answer says: null when it is not worth a record.
 * @param request what was asked for, whose names count where a change's answer has none
 */
export function auditedAnswer(
  api: string,
  answer: object,
  request: object,
): Pick<AuditEvent, 'event' | 'names' | 'errors'> | null {
  const found = { names: new Set<string>(), errors: new Set<string>(), isDenied: false }
  collect(answer, found, isChange(api), DEPTH)
  if (!found.isDenied && !isChange(api)) return null
  const event = found.isDenied ? 'denied' : 'changed'
  const words = wordsOf(api, request, answer)
  if (words === null && found.names.size === 0) collectNames(request, found.names, DEPTH)
  const errors = [...found.errors]
  return { event, names: [...(words ?? found.names)], ...(errors.length > 0 ? { errors } : {}) }
}

interface Found {
  readonly names: Set<string>
  readonly errors: Set<string>
  isDenied: boolean
}

/** @param isAll every name, and not only of what was denied */
function collect(part: object, found: Found, isAll: boolean, depth: number): void {
  const fields = part as Readonly<Record<string, unknown>>
  const { errorCode } = fields
  const isDenied = typeof errorCode === 'number' && DENIALS.has(errorCode)
  if (typeof errorCode === 'number' && errorCode !== KafkaError.NONE) {
    found.errors.add(errorName(errorCode))
  }
  if (isDenied) found.isDenied = true
  if (isDenied || isAll) addName(fields, found.names)
  if (depth === 0) return
  for (const [field, value] of Object.entries(fields)) {
    // The configurations of a topic that was made, and what of them may be changed how.
    if (!Array.isArray(value) || field === 'configs') continue
    for (const inner of value) {
      if (typeof inner !== 'object' || inner === null) continue
      const deniedBefore = found.isDenied
      if (!isAll) found.isDenied = false
      collect(inner, found, isAll, depth - 1)
      // The name stands with the topic, the error with its partition.
      if (!isAll && found.isDenied) addName(fields, found.names)
      found.isDenied ||= deniedBefore
    }
  }
}

function collectNames(part: object, names: Set<string>, depth: number): void {
  addName(part as Readonly<Record<string, unknown>>, names)
  if (depth === 0) return
  for (const inner of Object.values(part).flat()) {
    const isPart = typeof inner === 'object' && inner !== null && !ArrayBuffer.isView(inner)
    if (isPart) collectNames(inner, names, depth - 1)
  }
}

function addName(fields: Readonly<Record<string, unknown>>, names: Set<string>): void {
  for (const name of NAMES) {
    const value = fields[name]
    if (typeof value === 'string' && value !== '') names.add(value)
  }
}
