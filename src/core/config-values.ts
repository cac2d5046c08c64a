// One configuration value: its types, its constraints, and how text becomes a value. Not which
// configurations exist (topic-configs.ts, broker-configs.ts) nor which value wins (configs.ts).
// Parsing, bounds and messages follow ConfigDef of Apache Kafka 4.1.1.

import { tenantsFault } from './tenants.ts'

/** Kafka's types of configuration values. */
export type ConfigType =
  | 'BOOLEAN'
  | 'STRING'
  | 'INT'
  | 'SHORT'
  | 'LONG'
  | 'DOUBLE'
  | 'LIST'
  | 'CLASS'
  | 'PASSWORD'

/** What a value must satisfy beyond its type; bounds are inclusive. */
export interface Constraint {
  readonly min?: number
  readonly max?: number
  /** A number outside the bounds that is allowed all the same. */
  readonly or?: number
  /** The strings allowed: of the value, or of each entry of a list. */
  readonly oneOf?: readonly string[]
  /** `oneOf` takes capitals as small letters. */
  readonly anyCase?: true
  /** A list of `partition:broker`, or `*`. */
  readonly replicas?: true
  /** A list of tenants. */
  readonly tenants?: true
}

/** One configuration as Kafka names and types it. */
export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  /** Canonical text; null where Kafka has no value. */
  readonly default: string | null
  readonly constraint: Constraint
  /** True when Ottla acts on it; otherwise it is accepted, kept and shown. */
  readonly honoured: boolean
}

/** A value in canonical text (as Kafka prints what it parsed), or why it is refused. */
export type Parsed = { readonly value: string } | { readonly error: string }

const INTEGER_BITS: Readonly<Partial<Record<ConfigType, bigint>>> = {
  SHORT: 15n,
  INT: 31n,
  LONG: 63n,
}

const DOUBLE = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[fd]?$/i

/**
 * Parses a configuration value and checks its constraint.
 * @returns the canonical text (`" 100 "` is `"100"`, `"a, b"` is `"a,b"`, `"TRUE"` is `"true"`) or a
 *   sentence in Kafka's form
 */
export function parseConfig(definition: ConfigDefinition, text: string): Parsed {
  const parsed = parseType(definition.type, text)
  if (parsed === null) return refuse(definition, text, complaint(definition.type))
  const fault = violation(definition, parsed)
  return fault === null ? { value: parsed } : fault
}

/** The entries of a canonical list. */
export function listEntries(value: string): string[] {
  return value === '' ? [] : value.split(',')
}

function parseType(type: ConfigType, text: string): string | null {
  const trimmed = text.trim()
  switch (type) {
    case 'BOOLEAN':
      return /^(true|false)$/i.test(trimmed) ? trimmed.toLowerCase() : null
    case 'INT':
    case 'SHORT':
    case 'LONG':
      return parseInteger(trimmed, INTEGER_BITS[type] ?? 31n)
    case 'DOUBLE':
      return DOUBLE.test(trimmed) ? javaDouble(Number(trimmed.replace(/[fd]$/i, ''))) : null
    case 'LIST':
      return trimmed === '' ? '' : trimmed.split(/\s*,\s*/).join(',')
    case 'CLASS':
      return trimmed
    case 'STRING':
    case 'PASSWORD':
      return text
  }
}

function parseInteger(text: string, bits: bigint): string | null {
  if (!/^[+-]?\d+$/.test(text)) return null
  const value = BigInt(text.replace(/^\+/, ''))
  const limit = 1n << bits
  return value < -limit || value >= limit ? null : value.toString()
}

/** A double as Java prints it: always with a point, an exponent outside [1e-3, 1e7). */
function javaDouble(value: number): string {
  const size = Math.abs(value)
  if (value === 0 || (size >= 1e-3 && size < 1e7)) {
    return Number.isInteger(value) ? `${value}.0` : `${value}`
  }
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${exponent.replace('+', '')}`
}

function complaint(type: ConfigType): string {
  return type === 'BOOLEAN'
    ? 'Expected value to be either true or false'
    : `Not a number of type ${type}`
}

function violation(definition: ConfigDefinition, value: string): { error: string } | null {
  const { min, max, or, oneOf, anyCase, replicas, tenants } = definition.constraint
  if (oneOf !== undefined) {
    const entries = definition.type === 'LIST' ? listEntries(value) : [value]
    const known = (entry: string) => oneOf.includes(anyCase === true ? entry.toLowerCase() : entry)
    const stranger = entries.find((entry) => !known(entry))
    if (stranger === undefined) return null
    if (anyCase === true) {
      const listed = oneOf.map((name) => name.toUpperCase()).join(', ')
      return refuse(definition, stranger, `String must be one of (case insensitive): ${listed}`)
    }
    return refuse(definition, stranger, `String must be one of: ${oneOf.join(', ')}`)
  }
  if (replicas === true && !isReplicaList(value)) return refuse(definition, `[${value}]`, REPLICAS)
  const unfit = tenants === true ? tenantsFault(listEntries(value)) : null
  if (unfit !== null) return refuse(definition, value, unfit)
  const number = Number(value)
  if (or !== undefined && (number < (min ?? number) || number > (max ?? number))) {
    const between = `Value must be between ${min} and ${max} or equal to ${or}`
    return number === or ? null : refuse(definition, value, between)
  }
  if (min !== undefined && number < min) {
    return refuse(definition, value, `Value must be at least ${min}`)
  }
  if (max !== undefined && number > max) {
    return refuse(definition, value, `Value must be no more than ${max}`)
  }
  return null
}

const REPLICAS = "must be '*' or a list of [partitionId]:[brokerId] separated by commas"

function isReplicaList(value: string): boolean {
  return value === '*' || listEntries(value).every((entry) => /^\d+:\d+$/.test(entry.trim()))
}

function refuse(definition: ConfigDefinition, value: string, why: string): { error: string } {
  return { error: `Invalid value ${value} for configuration ${definition.name}: ${why}` }
}
