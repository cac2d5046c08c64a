// Describe- and AlterClientQuotas (KIP-546). Checks and sentences follow ClientQuotaControlManager and
// ClientQuotasImage of 4.1.1. Not what a quota does to a client: ../security/quotas.ts.

import { KafkaError } from '../core/errors.ts'
import { QUOTAS_PER_CLUSTER, SECURITY_NAME_CHARACTERS } from '../core/limits/security.ts'
import type {
  AlterClientQuotasRequest,
  AlterClientQuotasResponse,
} from '../protocol/messages/alter-client-quotas.ts'
import type {
  DescribeClientQuotasRequest,
  DescribeClientQuotasResponse,
} from '../protocol/messages/describe-client-quotas.ts'
import { isAddress } from '../security/host.ts'
import {
  type ClientQuota,
  QUOTA_ENTITY_TYPES,
  type QuotaEntity,
  type QuotaEntityType,
  type QuotaKey,
} from '../security/kept.ts'
import {
  entityKey,
  entityOfKey,
  hasNone,
  type KeptSecurity,
  type SecurityChange,
  withVersion,
} from './security.ts'
import { type Fault, fault } from './topics.ts'

type Asked = AlterClientQuotasRequest['entries'][number]

/** How a component of a filter means entities. */
const Match = { EXACT: 0, DEFAULT: 1, SPECIFIED: 2 } as const

/** Long.MAX_VALUE and Integer.MAX_VALUE as doubles. */
const LONG_MAX = 2 ** 63
const INT_MAX = 2 ** 31 - 1

/** Whole numbers up to a bound, or any number above zero. */
const INTEGRAL: Readonly<
  Partial<Record<QuotaKey, { readonly max: number; readonly type: string }>>
> = {
  producer_byte_rate: { max: LONG_MAX, type: 'a LONG' },
  consumer_byte_rate: { max: LONG_MAX, type: 'a LONG' },
  connection_creation_rate: { max: INT_MAX, type: 'an INT' },
}

const OF_CLIENTS: readonly QuotaKey[] = [
  'producer_byte_rate',
  'consumer_byte_rate',
  'request_percentage',
  'controller_mutation_rate',
]
const OF_ADDRESSES: readonly QuotaKey[] = ['connection_creation_rate']

/** Java's doubles are whole this close to a whole number. */
const FRACTION = 1e-6

/** The quotas of the entities that the filter means. */
export function describeClientQuotas(
  { quotas }: KeptSecurity,
  { components, strict }: DescribeClientQuotasRequest,
): DescribeClientQuotasResponse {
  /** By type: a name, null for the default, undefined for any. */
  const wanted = new Map<string, string | null | undefined>()
  for (const { entityType, matchType, match } of components) {
    const why = componentFault(wanted, entityType, matchType, match)
    if (why !== null) return { throttleTimeMs: 0, ...why, entries: null }
    wanted.set(entityType, matchType === Match.SPECIFIED ? undefined : match)
  }
  if (wanted.has('ip') && wanted.size > 1) {
    const why = fault('INVALID_REQUEST', IP_WITH_OTHERS)
    return { throttleTimeMs: 0, ...why, entries: null }
  }
  const found = [...quotas.values()].filter(({ entity }) => isMeant(entity, wanted, strict))
  return {
    throttleTimeMs: 0,
    errorCode: KafkaError.NONE,
    errorMessage: '',
    entries: found.map(({ entity, values }) => ({
      entity: partsOf(entity),
      values: Object.entries(values).map(([key, value]) => ({ key, value })),
    })),
  }
}

/** Decides AlterClientQuotas, each entity for itself; of one that comes twice the first counts, and is told the error. */
export function alterClientQuotas(
  kept: KeptSecurity,
  { entries, validateOnly }: AlterClientQuotasRequest,
): { readonly changes: readonly SecurityChange[]; readonly reply: AlterClientQuotasResponse } {
  const results = new Map<string, { readonly named: Named; readonly why: Fault | null }>()
  const changed = new Map<string, ClientQuota>()
  let room = QUOTAS_PER_CLUSTER - kept.quotas.size
  for (const asked of entries) {
    const named = namedIn(asked)
    const id = JSON.stringify([...named])
    const isTwice =
      results.has(id) || new Set(asked.ops.map(({ key }) => key)).size < asked.ops.length
    const why = isTwice ? twice(named) : (entityFault(named) ?? opsFault(named, asked.ops))
    const quota = why === null ? altered(kept, named, asked.ops) : null
    const isNew = quota !== null && !hasNone(quota) && !kept.quotas.has(entityKey(quota.entity))
    const full = isNew && room < 1 ? TOO_MANY : null
    results.set(id, { named, why: why ?? full })
    if (quota === null || full !== null) continue
    changed.set(entityKey(quota.entity), quota)
    if (isNew) room -= 1
  }
  const changes = [...changed.values()].map((quota) => ({ kind: 'quota', quota }) as const)
  const done = { errorCode: KafkaError.NONE, errorMessage: null }
  return {
    changes: validateOnly ? [] : withVersion(kept, 'quotas', changes),
    reply: {
      throttleTimeMs: 0,
      entries: [...results.values()].map(({ named, why }) => ({
        ...(why ?? done),
        entity: [...named].map(([entityType, entityName]) => ({ entityType, entityName })),
      })),
    },
  }
}

const IP_WITH_OTHERS =
  'Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.'
/** As Kafka writes it. */
const IP_BESIDE_OTHERS =
  'Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId'
const TOO_MANY = fault(
  'POLICY_VIOLATION',
  `A cluster has quotas for at most ${QUOTAS_PER_CLUSTER} entities.`,
)

function componentFault(
  wanted: ReadonlyMap<string, unknown>,
  type: string,
  matchType: number,
  match: string | null,
): Fault | null {
  const invalid = (why: string) => fault('INVALID_REQUEST', why)
  if (type === '') return invalid('Invalid empty entity type.')
  if (wanted.has(type)) {
    return invalid(`Entity type ${type} cannot appear more than once in the filter.`)
  }
  if (!isEntityType(type)) return fault('UNSUPPORTED_VERSION', `Unsupported entity type ${type}`)
  if (matchType === Match.EXACT) {
    if (match !== null) return null
    return invalid('Request specified MATCH_TYPE_EXACT, but set match string to null.')
  }
  if (matchType !== Match.DEFAULT && matchType !== Match.SPECIFIED) {
    return invalid(`Unknown match type ${matchType}`)
  }
  if (match === null) return null
  const name = matchType === Match.DEFAULT ? 'MATCH_TYPE_DEFAULT' : 'MATCH_TYPE_SPECIFIED'
  return invalid(`Request specified ${name}, but also specified a match string.`)
}

function isEntityType(type: string): type is QuotaEntityType {
  return QUOTA_ENTITY_TYPES.some((known) => known === type)
}

function isMeant(
  entity: QuotaEntity,
  wanted: ReadonlyMap<string, string | null | undefined>,
  strict: boolean,
): boolean {
  if (strict && Object.keys(entity).length !== wanted.size) return false
  for (const [type, name] of wanted) {
    const own = entity[type as QuotaEntityType]
    if (own === undefined || (name !== undefined && own !== name)) return false
  }
  return true
}

function partsOf(entity: QuotaEntity) {
  return QUOTA_ENTITY_TYPES.flatMap((entityType) => {
    const entityName = entity[entityType]
    return entityName === undefined ? [] : [{ entityType, entityName }]
  })
}

/** An entity as it was asked for: of types that there may not be. */
type Named = ReadonlyMap<string, string | null>

/** In the order in which Kafka names types. Of a type that comes twice the last counts. */
function namedIn({ entity }: Asked): Named {
  const types: readonly string[] = QUOTA_ENTITY_TYPES
  const place = (type: string) => types.indexOf(type)
  const named = new Map(entity.map(({ entityType, entityName }) => [entityType, entityName]))
  return new Map([...named].sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1)))
}

function twice(named: Named): Fault {
  const parts = [...named].map(([type, name]) => `${type}=${name}`).join(', ')
  return fault('INVALID_REQUEST', `Ignoring duplicate entity ClientQuotaEntity(entries={${parts}})`)
}

function entityFault(named: Named): Fault | null {
  const invalid = (why: string) => fault('INVALID_REQUEST', why)
  if (named.size === 0) return invalid('Invalid empty client quota entity')
  for (const [type, name] of named) {
    if (!isEntityType(type)) return invalid(`Unhandled client quota entity type: ${type}`)
    if (name === '') return invalid(`Empty ${type} not supported`)
    if (name !== null && name.length > SECURITY_NAME_CHARACTERS) {
      return invalid(`A ${type} has at most ${SECURITY_NAME_CHARACTERS} characters.`)
    }
  }
  if (!named.has('ip')) return null
  if (named.size > 1) {
    return invalid(IP_BESIDE_OTHERS)
  }
  const address = named.get('ip') ?? null
  if (address === null || isAddress(address)) return null
  return invalid(`${address} is not a valid IP or resolvable host.`)
}

function opsFault(named: Named, ops: Asked['ops']): Fault | null {
  const keys: readonly string[] = named.has('ip') ? OF_ADDRESSES : OF_CLIENTS
  for (const { key, value, remove } of ops) {
    if (remove) continue
    const why = keys.includes(key)
      ? valueFault(key as QuotaKey, value)
      : `Invalid configuration key ${key}`
    if (why !== null) return fault('INVALID_REQUEST', why)
  }
  return null
}

function valueFault(key: QuotaKey, value: number): string | null {
  if (!(value > 0)) return `Quota ${key} must be greater than 0`
  const integral = INTEGRAL[key]
  if (integral === undefined) return null
  if (value > integral.max) return `Proposed value for ${key} is too large for ${integral.type}.`
  return value % 1 > FRACTION ? `${key} cannot be a fractional value.` : null
}

/** The entity as it is then; null where nothing changes. */
function altered({ quotas }: KeptSecurity, named: Named, ops: Asked['ops']): ClientQuota | null {
  const entity = entityOfKey(entityKey(Object.fromEntries(named) as QuotaEntity))
  const before = quotas.get(entityKey(entity))?.values ?? {}
  const values: Partial<Record<QuotaKey, number>> = { ...before }
  for (const { key, value, remove } of ops) {
    if (remove) delete values[key as QuotaKey]
    else values[key as QuotaKey] = value
  }
  const keys = [...OF_CLIENTS, ...OF_ADDRESSES]
  return keys.some((key) => values[key] !== before[key]) ? { entity, values } : null
}
