// One message of a client: text to a checked message, or what is wrong with it and whom that concerns: a
// request (`id`), a subscription that is not begun (`sub`), or nobody in particular. Not what is done with it.

import type * as z from 'zod/mini'
import { KafkaError } from '../core/errors.ts'
import { LIVE_MESSAGE_BYTES } from '../core/limits/live.ts'
import { memberSpans, parseJson } from '../http/json-text.ts'
import { badRequest, Problem } from '../http/problem.ts'
import { validate } from '../http/validate.ts'
import { type ClientMessage, type ClientMessages, liveSchemas } from './messages.ts'

/** A message that cannot be taken. */
export interface Refused {
  readonly problem: Problem
  /** Of the request that it was. */
  readonly id?: number
  /** Of the subscription that it would have begun. */
  readonly sub?: number
}

/** A checked message; of a produce also the text of its records, whose values are stored as they stand. */
export type Incoming =
  | { readonly message: PlainMessage }
  | { readonly message: ProduceMessage; readonly records: string }

/** All but produces. */
export type PlainMessage = Exclude<ClientMessage, ClientMessages['produce']>

/** A produce without its records, which record-in.ts checks as those of a POST. */
export type ProduceMessage = Omit<ClientMessages['produce'], 'records'>

/** Checks one text message. */
export function readMessage(text: string): Incoming | Refused {
  if (text.length > LIVE_MESSAGE_BYTES) return { problem: tooLarge() }
  const parsed = parseJson(text)
  if (parsed instanceof Problem) return { problem: parsed }
  const { value } = parsed
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problem: badRequest('', 'a message is a JSON object') }
  }
  const type: unknown = Reflect.get(value, 'type')
  const schemas = liveSchemas().client
  if (typeof type !== 'string' || !Object.hasOwn(schemas, type)) {
    const types = Object.keys(schemas).join(', ')
    return { problem: badRequest('type', `type must be one of ${types}`) }
  }
  const known = type as keyof typeof schemas
  if (known === 'produce') return readProduce(text, value)
  const message = check(schemas[known], value)
  return message instanceof Problem ? refused(known, value, message) : { message }
}

/** The problem with a message that is larger than LIVE_MESSAGE_BYTES. */
export function tooLarge(): Problem {
  const detail = `a message has at most ${LIVE_MESSAGE_BYTES} bytes; larger records go by POST`
  return new Problem(KafkaError.MESSAGE_TOO_LARGE, { detail })
}

function readProduce(text: string, value: object): Incoming | Refused {
  const records: unknown = Reflect.get(value, 'records')
  if (!Array.isArray(records)) {
    const what = records === undefined ? 'is required' : 'must be an array'
    return refused('produce', value, badRequest('records', `records ${what}`))
  }
  // The records are checked once, by who reads their values out of the text.
  const message = check(liveSchemas().client.produce, { ...value, records: [] })
  if (message instanceof Problem) return refused('produce', value, message)
  const span = memberSpans(text, 0).get('records')
  if (span === undefined) throw new Error('the parsed message has records, its text has not')
  return { message, records: text.slice(span.start, span.end) }
}

function check<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: object,
): z.output<Schema> | Problem {
  const checked = validate(schema, value)
  // Of the whole it says "the body", which a message has not.
  if (!(checked instanceof Problem) || checked.options.field !== '') return checked
  return badRequest('', 'the message is not understood')
}

/** Whom it concerns: a message about a subscription that goes on must not end it. */
function refused(type: string, value: object, problem: Problem): Refused {
  const id = numberOf(value, 'id')
  if (id !== null) return { problem, id }
  const sub = numberOf(value, 'sub')
  if (sub === null) return { problem }
  const begins = type === 'subscribe' || type === 'join'
  return begins ? { problem, sub } : { problem: problem.with({ members: { sub } }) }
}

function numberOf(value: object, name: string): number | null {
  const number: unknown = Reflect.get(value, name)
  return Number.isSafeInteger(number) && Number(number) >= 0 ? Number(number) : null
}
