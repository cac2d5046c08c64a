// The launcher's side of who may come in: the first user and the issuer of tokens checked, and the files of TLS read,
// before anything is touched. Not the secret itself (secret.ts), which never leaves the environment.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { EnvironmentName, readEnvironment } from '../core/env.ts'
import type { StartOptions, TlsFiles } from './flags.ts'

/** PEM, as workerd takes it. */
export interface LocalTls {
  readonly certificate: string
  readonly key: string
  readonly clientAuthority: string | null
}

/** How the Worker comes to the issuer's keys. */
export interface LocalOauth {
  /** The key set as JSON; null: it is read at an address. */
  readonly keys: string | null
  /** Null: it need not be reached. */
  readonly network: { readonly isTls: boolean } | null
}

/** What workerd's configuration needs to know. */
export interface LocalSecurity {
  readonly kind: 'security'
  readonly hasSecret: boolean
  readonly tls: LocalTls | null
  readonly oauth: LocalOauth | null
  /** Everybody is asked who they are. */
  readonly isSecured: boolean
}

export interface SecurityRefusal {
  readonly kind: 'refused'
  readonly reason: string
}

const KEYS_URL = 'sasl.oauthbearer.jwks.endpoint.url'

/** Checks what is configured; touches nothing. */
export async function planSecurity(
  options: Pick<StartOptions, 'config' | 'tls' | 'user'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LocalSecurity | SecurityRefusal> {
  const hasSecret = Boolean(env[EnvironmentName.SECRET])
  try {
    const oauth = planOauth(options.config, env)
    // Whatever the Worker would find wrong is said now.
    readEnvironment({
      [EnvironmentName.CONFIG]: options.config,
      [EnvironmentName.USER]: options.user ?? undefined,
      [EnvironmentName.OAUTH_KEYS]: oauth?.keys ?? undefined,
    })
    const tls = options.tls === null ? null : await readTls(options.tls)
    return { kind: 'security', hasSecret, tls, oauth, isSecured: hasSecret || oauth !== null }
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof TypeError)) throw error
    return { kind: 'refused', reason: error.message }
  }
}

/** Thrown inside this file; it leaves as a refusal. */
class Refusal extends Error {}

function planOauth(
  config: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>>,
): LocalOauth | null {
  const keys = env[EnvironmentName.OAUTH_KEYS] || null
  const address = config[KEYS_URL]?.trim() || null
  if (keys !== null) return { keys, network: null }
  if (address === null) return null
  const url = URL.canParse(address) ? new URL(address) : null
  if (url?.protocol === 'file:')
    return { keys: fileOf(fileURLToPath(address), KEYS_URL), network: null }
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Refusal(`--set: ${KEYS_URL} must be an https, http or file URL, not "${address}"`)
  }
  return { keys: null, network: { isTls: url.protocol === 'https:' } }
}

/** Reads them, and sees that they belong together: workerd would say less. */
async function readTls(files: TlsFiles): Promise<LocalTls> {
  // Loaded by who needs it: a start is quick.
  const { createPrivateKey, X509Certificate } = await import('node:crypto')
  const certificate = fileOf(files.certificate, '--tls-cert')
  const key = fileOf(files.key, '--tls-key')
  const { clientAuthority } = files
  const authority = clientAuthority === null ? null : fileOf(clientAuthority, '--tls-client-ca')
  const own = parsed(() => new X509Certificate(certificate), '--tls-cert', 'a certificate in PEM')
  const secret = parsed(
    () => createPrivateKey(key),
    '--tls-key',
    'a private key in PEM, not encrypted',
  )
  if (!own.checkPrivateKey(secret)) {
    throw new Refusal('--tls-key is not the key of the certificate in --tls-cert')
  }
  if (authority !== null) {
    parsed(() => new X509Certificate(authority), '--tls-client-ca', 'a certificate in PEM')
  }
  return { certificate, key, clientAuthority: authority }
}

function fileOf(path: string, flag: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new Refusal(`${flag}: ${path} cannot be read`)
  }
}

function parsed<T>(parse: () => T, flag: string, what: string): T {
  try {
    return parse()
  } catch {
    throw new Refusal(`${flag} is not ${what}`)
  }
}
