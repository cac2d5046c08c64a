// The tenants of a broker: virtual clusters that share the process and nothing that a client can see. Which there are is
// fixed at the start (`ottla.tenants`); whose a request is, is said by the first label of its host or by what stands
// before the first slash of a user's name. Not what a tenant has: its objects' names begin with its own (ids.ts).

import { DEFAULT_TENANT } from './ids.ts'
import { TENANTS_MAX } from './limits/security.ts'

/** The broker configuration that names them. */
export const TENANTS_CONFIG = 'ottla.tenants'

/** Kafka's name of who may do everything. */
const SUPER_USERS_CONFIG = 'super.users'

/** A user of a tenant, by the name they have there. */
export interface TenantUser {
  readonly tenant: string
  readonly user: string
}

/** A label of DNS in small letters: a name that fits into a host and into the names of objects. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/
/** What a host begins with, if more than a port comes after it. */
const FIRST_LABEL = /^([a-z0-9-]+)(?:[.:]|$)/i

/** See the head of this file. `main` is always there, and never listed. */
export class Tenants {
  readonly names: ReadonlySet<string>

  /** @param names which tenantsFault finds nothing wrong with */
  constructor(names: Iterable<string>) {
    this.names = new Set(names)
  }

  /** Whether it is there to be served. */
  has(tenant: string): boolean {
    return tenant === DEFAULT_TENANT || this.names.has(tenant)
  }

  /** Whose a host is, by its first label: main's if that names no tenant. @param host `NAME[:PORT]` */
  ofHost(host: string): string {
    if (this.names.size === 0) return DEFAULT_TENANT
    const label = FIRST_LABEL.exec(host)?.[1]?.toLowerCase() ?? ''
    return this.names.has(label) ? label : DEFAULT_TENANT
  }

  /** The host behind the label that names a tenant; null where there is none. */
  hostBehind(host: string): string | null {
    const tenant = this.ofHost(host)
    return tenant === DEFAULT_TENANT || host[tenant.length] !== '.'
      ? null
      : host.slice(tenant.length + 1)
  }

  /**
   * Whose a user's name is: a tenant's that stands before its first slash, otherwise that of the host.
   * @param home the host's tenant; main where nothing names one
   * @returns null when it is another tenant's than the host's, or nobody's
   */
  userOf(name: string, home: string = DEFAULT_TENANT): TenantUser | null {
    const slash = this.names.size === 0 ? -1 : name.indexOf('/')
    const tenant = name.slice(0, Math.max(0, slash))
    if (slash < 0 || !this.names.has(tenant)) return { tenant: home, user: name }
    const isElsewhere = home !== DEFAULT_TENANT && home !== tenant
    const user = name.slice(slash + 1)
    return isElsewhere || user === '' ? null : { tenant, user }
  }

  /**
   * As userOf, of a name that an issuer of tokens vouches for. It vouches for one name and knows no hosts: without a
   * tenant before it, it is a user of main, and nobody at the host of another.
   */
  subjectOf(name: string, home: string = DEFAULT_TENANT): TenantUser | null {
    const named = this.userOf(name)
    return named === null || (home !== DEFAULT_TENANT && home !== named.tenant) ? null : named
  }
}

/** Of a broker that has none but main. */
export const NO_TENANTS = new Tenants([])

/** What is wrong with a list of tenants; null when nothing is. */
export function tenantsFault(names: readonly string[]): string | null {
  if (names.length > TENANTS_MAX) return `There may be no more than ${TENANTS_MAX} tenants`
  const unfit = names.find((name) => !NAME.test(name))
  if (unfit !== undefined) {
    return `Tenant '${unfit}' must be 1 to 32 of a-z, 0-9 and '-', which neither begins nor ends it`
  }
  if (names.includes(DEFAULT_TENANT))
    return `Tenant '${DEFAULT_TENANT}' is always there: list others`
  const twice = names.find((name, at) => names.indexOf(name) < at)
  return twice === undefined ? null : `Tenant '${twice}' is listed twice`
}

/**
 * The broker configuration as a tenant is shown it: which others there are, and who is a super user there, is none of theirs.
 * The operator's cluster is main.
 */
export function configOfTenant(
  config: Readonly<Record<string, string>>,
  tenant: string,
): Readonly<Record<string, string>> {
  if (tenant === DEFAULT_TENANT) return config
  const { [TENANTS_CONFIG]: listed = '', [SUPER_USERS_CONFIG]: named, ...own } = config
  if (named === undefined) return own
  const tenants = new Tenants(listed.split(/\s*,\s*/))
  const principals = named.split(';').flatMap((principal) => {
    const type = principal.slice(0, principal.indexOf(':') + 1).trim()
    const user = tenants.userOf(principal.trim().slice(type.length), tenant)
    return user?.tenant === tenant ? [type + user.user] : []
  })
  return { ...own, [SUPER_USERS_CONFIG]: principals.join(';') }
}

/**
 * The tenants of a broker configuration.
 * @throws TypeError when they cannot be: nothing is served on a guess
 */
export function tenantsOf(config: Readonly<Record<string, string>>): Tenants {
  const listed = config[TENANTS_CONFIG]?.trim() ?? ''
  if (listed === '') return NO_TENANTS
  const names = listed.split(/\s*,\s*/)
  const fault = tenantsFault(names)
  if (fault !== null) throw new TypeError(`${TENANTS_CONFIG}: ${fault}`)
  return new Tenants(names)
}
