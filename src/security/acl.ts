// The rules of who may do what, and the decider: exactly those of Apache Kafka's StandardAuthorizer, but that to act as
// another user (USER) takes a rule that says so, and for a super user another one. Not where rules are
// kept and not who asks when (broker/). A set of rules never changes: a change of them is another Authorizer.

import {
  DECISION_CHARACTERS,
  DECISIONS_PER_PRINCIPAL,
  DECISIONS_REMEMBERED,
  PRINCIPALS_REMEMBERED,
} from '../core/limits/authorisation.ts'
import { Operation, Resource } from './access.ts'
import { canonicalHost } from './host.ts'
import type { Principal } from './principal.ts'

/** Kafka's PatternType of a rule, by the codes of the protocol. */
export const PatternType = { LITERAL: 3, PREFIXED: 4 } as const
export type PatternType = (typeof PatternType)[keyof typeof PatternType]

/** Kafka's AclPermissionType, by the codes of the protocol. */
export const Permission = { DENY: 2, ALLOW: 3 } as const
export type Permission = (typeof Permission)[keyof typeof Permission]

/** In a rule: every operation, every name of a literal pattern, every host, every user. */
export const ALL_OPERATIONS = 2
export const ANY_NAME = '*'
export const ANY_HOST = '*'
export const ANY_USER = 'User:*'

/** One rule: a pattern of resources, and what it says to whom. Kafka's AclBinding. */
export interface AclBinding {
  readonly resourceType: Resource
  readonly resourceName: string
  readonly patternType: PatternType
  /** `User:alice`, or `User:*` for everybody; other types are kept and match nobody. */
  readonly principal: string
  /** An address as text, or `*`. */
  readonly host: string
  readonly operation: Operation | typeof ALL_OPERATIONS
  readonly permissionType: Permission
}

/** A rule in the protocol's numbers, as CreateAcls and DescribeAcls have it; before version 1 a pattern is literal. */
export interface AclCodes {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType?: number | undefined
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** What the broker's configuration says about it. */
export interface AuthorizerSettings {
  /** Everything is allowed to them, whatever the rules say: `super.users`. */
  readonly superUsers: ReadonlySet<string>
  /** `allow.everyone.if.no.acl.found`: of a resource for which there is no rule at all. */
  readonly allowEveryoneIfNoAclFound: boolean
}

/** Every operation, as bits by their codes. */
const EVERYTHING = Object.values(Operation).reduce((bits, operation) => bits | (1 << operation), 0)

/** To be allowed one of these is to be allowed DESCRIBE, and the same of the configuration's two. */
const IMPLIES_DESCRIBE = [Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER]

/** A rule as it is looked at: what it says as bits. */
interface Rule {
  readonly principal: string
  readonly host: string
  readonly allows: number
  readonly denies: number
}

/** The rules of one kind of resource, by how they name resources. */
interface Rules {
  readonly bindings: AclBinding[]
  readonly literal: Map<string, Rule[]>
  readonly prefixed: Map<string, Rule[]>
  /** Lengths of the prefixes, each once. */
  readonly prefixLengths: Set<number>
}

/** One set of rules. Asking costs a look-up per kind of pattern and length of prefix, then one. */
export class Authorizer {
  readonly #settings: AuthorizerSettings
  readonly #rules = new Map<Resource, Rules>()
  readonly #grants = new Map<string, Grants>()
  readonly #decisions = new Decisions()

  constructor(bindings: Iterable<AclBinding>, settings: AuthorizerSettings) {
    this.#settings = settings
    for (const binding of bindings) this.#add(binding)
  }

  /** What a principal may do from a host (with or without the slash that Kafka prints before it). */
  grants(principal: Principal, host: string): Grants {
    const address = canonicalHost(host)
    const key = `${address} ${principal}`
    let grants = this.#grants.get(key)
    if (grants === undefined) {
      if (this.#grants.size >= PRINCIPALS_REMEMBERED) this.#grants.clear()
      const who = { principal, host: address }
      grants = new Grants(who, this.#rules, this.#settings, this.#decisions)
      this.#grants.set(key, grants)
    }
    return grants
  }

  #add(binding: AclBinding): void {
    const { resourceType, resourceName, patternType } = binding
    let rules = this.#rules.get(resourceType)
    if (rules === undefined) {
      rules = {
        bindings: [],
        literal: new Map(),
        prefixed: new Map(),
        prefixLengths: new Set(),
      }
      this.#rules.set(resourceType, rules)
    }
    rules.bindings.push(binding)
    const isPrefix = patternType === PatternType.PREFIXED
    if (isPrefix) rules.prefixLengths.add(resourceName.length)
    const named = isPrefix ? rules.prefixed : rules.literal
    const same = named.get(resourceName)
    if (same === undefined) named.set(resourceName, [ruleOf(binding)])
    else same.push(ruleOf(binding))
  }
}

/** Counts what all grants of one set of rules remember together: names are free, and so are addresses. */
class Decisions {
  readonly #holders = new Set<Grants>()
  #count = 0

  /** One more is remembered; all are forgotten first where there are too many. */
  add(holder: Grants): void {
    if (this.#count >= DECISIONS_REMEMBERED) {
      for (const one of this.#holders) one.forget()
      this.#holders.clear()
      this.#count = 0
    }
    this.#holders.add(holder)
    this.#count += 1
  }
}

/** What one principal may do from one host by one set of rules. Remembers what it was asked. */
export class Grants {
  readonly #who: { readonly principal: Principal; readonly host: string }
  readonly #rules: ReadonlyMap<Resource, Rules>
  readonly #settings: AuthorizerSettings
  readonly #isSuper: boolean
  readonly #decided = new Map<Resource, Map<string, number>>()
  readonly #decidedOfAny = new Map<number, boolean>()
  readonly #decisions: Decisions

  /** By Authorizer.grants alone. */
  constructor(
    who: { readonly principal: Principal; readonly host: string },
    rules: ReadonlyMap<Resource, Rules>,
    settings: AuthorizerSettings,
    decisions: Decisions,
  ) {
    this.#decisions = decisions
    this.#who = who
    this.#rules = rules
    this.#settings = settings
    this.#isSuper = settings.superUsers.has(who.principal)
  }

  /** Whether the operation is allowed on this resource. */
  may(operation: Operation, resource: Resource, name: string): boolean {
    return (this.operations(resource, name) & (1 << operation)) !== 0
  }

  /** All operations allowed on this resource, as bits by their codes, whether or not they mean anything there. */
  operations(resource: Resource, name: string): number {
    if (this.#isSuper) return EVERYTHING
    let decided = this.#decided.get(resource)
    if (decided === undefined) {
      decided = new Map()
      this.#decided.set(resource, decided)
    }
    let operations = decided.get(name)
    if (operations === undefined) {
      operations = this.#decide(resource, name)
      if (name.length > DECISION_CHARACTERS) return operations
      if (decided.size >= DECISIONS_PER_PRINCIPAL) decided.clear()
      this.#decisions.add(this)
      decided.set(name, operations)
    }
    return operations
  }

  /** Names whose decisions are remembered. */
  get remembered(): readonly string[] {
    return [...this.#decided.values()].flatMap((decided) => [...decided.keys()])
  }

  /** Decides anew what it is asked from now on. */
  forget(): void {
    for (const decided of this.#decided.values()) decided.clear()
  }

  /**
   * Whether it is allowed on any resource of the type that there could be. As in Kafka one that implies the operation
   * counts only where it is for a resource named "hardcode", by which Kafka asks for super users.
   */
  mayOnAny(operation: Operation, resource: Resource): boolean {
    const key = (resource << 8) | operation
    let decided = this.#decidedOfAny.get(key)
    if (decided === undefined) {
      decided = this.may(operation, resource, 'hardcode') || this.#decideOfAny(operation, resource)
      this.#decidedOfAny.set(key, decided)
    }
    return decided
  }

  #decide(resource: Resource, name: string): number {
    const isUser = resource === Resource.USER
    if (isUser && this.#settings.superUsers.has(name)) return 0
    let allows = 0
    let denies = 0
    let isRuled = false
    const look = (found: readonly Rule[] | undefined) => {
      if (found === undefined) return
      isRuled = true
      for (const rule of found) {
        if (!this.#isMeant(rule)) continue
        allows |= rule.allows
        denies |= rule.denies
      }
    }
    const rules = this.#rules.get(resource)
    if (rules !== undefined) {
      look(rules.literal.get(name))
      if (name !== ANY_NAME) look(rules.literal.get(ANY_NAME))
      for (const length of rules.prefixLengths) {
        if (length <= name.length) look(rules.prefixed.get(name.slice(0, length)))
      }
    }
    if (!isRuled && !isUser && this.#settings.allowEveryoneIfNoAclFound) return EVERYTHING
    return allows & ~denies
  }

  /** An allowed pattern counts unless a denied one has all of it. */
  #decideOfAny(operation: Operation, resource: Resource): boolean {
    const allowed: AclBinding[] = []
    const denied = { names: new Set<string>(), prefixes: new Set<string>() }
    for (const binding of this.#rules.get(resource)?.bindings ?? []) {
      const isAbout = binding.operation === operation || binding.operation === ALL_OPERATIONS
      if (!isAbout || !this.#isMeant(ruleOf(binding))) continue
      if (binding.permissionType === Permission.ALLOW) allowed.push(binding)
      else if (binding.patternType === PatternType.PREFIXED) {
        denied.prefixes.add(binding.resourceName)
      } else if (binding.resourceName === ANY_NAME) return false
      else denied.names.add(binding.resourceName)
    }
    return allowed.some(({ patternType, resourceName }) => {
      if (patternType === PatternType.LITERAL) {
        if (resourceName === ANY_NAME) return true
        if (denied.names.has(resourceName)) return false
      }
      return !startsWithAny(resourceName, denied.prefixes)
    })
  }

  #isMeant({ principal, host }: Rule): boolean {
    return (
      (principal === this.#who.principal || principal === ANY_USER) &&
      (host === ANY_HOST || host === this.#who.host)
    )
  }
}

/**
 * The users of `super.users`: principals between semicolons.
 * @throws RangeError for one that is not of the form Type:name
 */
export function superUsersOf(configured: string): Set<string> {
  const users = configured.split(';').map((user) => user.trim())
  const named = users.filter((user) => user !== '')
  const wrong = named.find((user) => !/^[^:]+:./s.test(user))
  if (wrong !== undefined) {
    throw new RangeError(`expected a principal as User:name, got '${wrong}'`)
  }
  return new Set(named)
}

function ruleOf({ principal, host, operation, permissionType }: AclBinding): Rule {
  const said = operation === ALL_OPERATIONS ? EVERYTHING : 1 << operation
  const isAllowed = permissionType === Permission.ALLOW
  return {
    principal,
    host: host === ANY_HOST ? ANY_HOST : canonicalHost(host),
    allows: isAllowed ? said | impliedBy(operation) : 0,
    denies: isAllowed ? 0 : said,
  }
}

/** What is allowed with it; nothing is denied with it. */
function impliedBy(operation: AclBinding['operation']): number {
  if (operation === Operation.ALTER_CONFIGS) return 1 << Operation.DESCRIBE_CONFIGS
  return IMPLIES_DESCRIBE.some((implying) => implying === operation) ? 1 << Operation.DESCRIBE : 0
}

function startsWithAny(name: string, prefixes: ReadonlySet<string>): boolean {
  for (let length = 1; length <= name.length; length++) {
    if (prefixes.has(name.slice(0, length))) return true
  }
  return false
}
