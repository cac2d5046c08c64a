// What a start says of how one logs in: the mechanisms, how long a login lasts, which tokens are taken. Read from the
// configuration by Kafka's names. Not what is kept in the cluster: users and rules.

import { SASL_TOKEN_BYTES } from '../core/limits/authentication.ts'
import type { JsonWebKeySet, JwtSettings } from './jwt.ts'

/** What can be logged in by. */
export const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
export type Mechanism = (typeof MECHANISMS)[number]

/** How one logs in to the Kafka port and to tunnels. */
export interface SaslSettings {
  /** Those that are served, in the order of MECHANISMS. */
  readonly mechanisms: readonly Mechanism[]
  /** connections.max.reauth.ms; 0: a login lasts as long as its connection. */
  readonly maxReauthMs: number
  /** connection.failed.authentication.delay.ms */
  readonly failureDelayMs: number
  /** sasl.server.max.receive.size */
  readonly requestMaxBytes: number
}

/** Which tokens are taken, and where their issuer's keys are. */
export interface OauthSettings {
  readonly jwt: JwtSettings
  readonly keys: OauthKeys
}

/** The keys as they were given, or where they are read. */
export type OauthKeys =
  | { readonly kind: 'given'; readonly set: JsonWebKeySet }
  /** sasl.oauthbearer.jwks.endpoint.url and sasl.oauthbearer.jwks.endpoint.refresh.ms */
  | { readonly kind: 'read'; readonly url: string; readonly refreshMs: number }

type Config = Readonly<Record<string, string>>

/** What of a start says which tokens are taken. */
export interface OauthStart {
  readonly config: Config
  /** OTTLA_OAUTH_KEYS */
  readonly oauthKeys: JsonWebKeySet | null
  /** Names that no token may have: the first user's, in each tenant. */
  readonly reservedUsers: readonly string[]
}

/** Whether tokens are taken at all: the issuer's keys are known. */
export function isOauthConfigured({
  config,
  oauthKeys,
}: Omit<OauthStart, 'reservedUsers'>): boolean {
  return oauthKeys !== null || urlOf(config) !== null
}

/** Null when no tokens are taken. */
export function oauthSettings({
  config,
  oauthKeys,
  reservedUsers,
}: OauthStart): OauthSettings | null {
  const url = urlOf(config)
  if (oauthKeys === null && url === null) return null
  const text = (name: string) => config[`sasl.oauthbearer.${name}`]?.trim() || null
  const number = (name: string, otherwise: number) => Number(text(name) ?? otherwise)
  return {
    jwt: {
      issuer: text('expected.issuer'),
      audiences: listed(text('expected.audience')),
      clockSkewSeconds: Math.max(0, number('clock.skew.seconds', 30)),
      subjectClaim: text('sub.claim.name') ?? 'sub',
      scopeClaim: text('scope.claim.name') ?? 'scope',
      requiredScopes: listed(config['ottla.oauth.required.scope'] ?? null),
      reservedUsers,
    },
    keys:
      oauthKeys !== null || url === null
        ? { kind: 'given', set: oauthKeys ?? { keys: [] } }
        : { kind: 'read', url, refreshMs: number('jwks.endpoint.refresh.ms', 3_600_000) },
  }
}

/** Of the mechanisms that are enabled (all, unless some are named) those that there is something to check by. */
export function saslSettings(config: Config, hasOauth: boolean): SaslSettings {
  const named = listed(config['sasl.enabled.mechanisms'] ?? null)
  const number = (name: string, otherwise: number) => Number(config[name] ?? otherwise)
  return {
    mechanisms: MECHANISMS.filter(
      (mechanism) =>
        (named.length === 0 || named.includes(mechanism)) &&
        (mechanism !== 'OAUTHBEARER' || hasOauth),
    ),
    maxReauthMs: number('connections.max.reauth.ms', 0),
    failureDelayMs: number('connection.failed.authentication.delay.ms', 100),
    requestMaxBytes: number('sasl.server.max.receive.size', SASL_TOKEN_BYTES),
  }
}

function urlOf(config: Config): string | null {
  return config['sasl.oauthbearer.jwks.endpoint.url']?.trim() || null
}

function listed(text: string | null): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}
