// Checks input against a schema and says in one sentence what is wrong and where. Sentences are made
// here and not by zod, whose locale tables are larger than the rest of it.

import type * as z from 'zod/mini'
import { badRequest, type Problem } from './problem.ts'

type Issue = z.core.$ZodIssue

/** Parameters that are numbers when they consist of digits. */
const NUMERIC = new Set([
  'offset',
  'timestamp',
  'limit',
  'maxBytes',
  'waitMs',
  'partition',
  'minutes',
  'points',
])

/**
 * The input as the schema types it, or INVALID_REQUEST naming the first field at fault.
 * @param prefix where the input sits, such as `records[3]`; empty for the whole body
 */
export function validate<Schema extends z.ZodMiniType>(
  schema: Schema,
  input: unknown,
  prefix = '',
): z.output<Schema> | Problem {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  if (issue === undefined) throw new Error('zod refused without an issue')
  const path =
    issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path
  const field = fieldName(prefix, path)
  return badRequest(field, `${field === '' ? 'the body' : field} ${sentence(issue, input)}`)
}

/**
 * The query of a request against its schema; a parameter given twice is refused.
 * @param lists parameters that may be given several times: an array of them is validated
 */
export function validateQuery<Schema extends z.ZodMiniType>(
  schema: Schema,
  query: URLSearchParams,
  lists: readonly string[] = [],
): z.output<Schema> | Problem {
  const input: Record<string, unknown> = {}
  for (const [name, text] of query) {
    const value = NUMERIC.has(name) && /^-?\d{1,16}$/.test(text) ? Number(text) : text
    const known = Object.hasOwn(input, name) ? input[name] : undefined
    if (Array.isArray(known)) known.push(value)
    else if (known !== undefined) return badRequest(name, `${name} is given twice`)
    else input[name] = lists.includes(name) ? [value] : value
  }
  return validate(schema, input)
}

/** `records[3].headers[0].key` from a path of names and indexes. */
export function fieldName(prefix: string, path: readonly PropertyKey[]): string {
  let name = prefix
  for (const part of path) {
    if (typeof part === 'number') name += `[${part}]`
    else name += name === '' ? String(part) : `.${String(part)}`
  }
  return name
}

function sentence(issue: Issue, input: unknown): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'is not known here'
    case 'invalid_type':
      return valueAt(input, issue.path) === undefined
        ? 'is required'
        : `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`
    case 'too_small':
      return `must be at least ${issue.minimum}`
    case 'too_big':
      return `must be at most ${issue.maximum}`
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`
    default:
      return issue.message
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a string',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  boolean: 'true or false',
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, part)
  }
  return value
}
