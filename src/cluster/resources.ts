// The kinds of resources that have configurations, and which names of them are meant. Not the values.
// Numbers are those of ConfigResource.Type; the sentences follow Kafka 4.1.1.

import { BROKER_ID } from '../core/ids.ts'
import { type Fault, fault } from './topics.ts'

/** Kafka's numbers for the kinds of resources. */
export const ResourceType = {
  TOPIC: 2,
  BROKER: 4,
  BROKER_LOGGER: 8,
  CLIENT_METRICS: 16,
  GROUP: 32,
} as const

/** What is refused of a broker's name in a change: only "" (the cluster's default) and "1" are known. */
export function brokerNameFault(name: string): Fault | null {
  if (name === '' || name === String(BROKER_ID)) return null
  return /^[+-]?\d+$/.test(name)
    ? fault('INVALID_REQUEST', `Unexpected broker id, expected ${BROKER_ID}, but received ${name}`)
    : fault('INVALID_REQUEST', `Node id must be an integer, but it is: ${name}`)
}

/** The same of a broker or broker logger that is to be described. */
export function describedNameFault(type: number, name: string): Fault | null {
  if (name === String(BROKER_ID)) return null
  const logger = type === ResourceType.BROKER_LOGGER
  if (name === '') return logger ? fault('INVALID_REQUEST', 'Broker id must not be empty') : null
  if (!/^[+-]?\d+$/.test(name)) {
    return fault('INVALID_REQUEST', `Broker id must be an integer, but it is: ${name}`)
  }
  const expected = logger ? `${BROKER_ID}` : `${BROKER_ID} or empty string,`
  return fault('INVALID_REQUEST', `Unexpected broker id, expected ${expected} but received ${name}`)
}

/** The answer for a kind of resource that has no configurations here. */
export function unknownResource(type: number): Fault {
  return fault('INVALID_REQUEST', `Unknown resource type ${type}`)
}
