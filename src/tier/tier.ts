// Which object store the environment configures, if any: an S3 bucket or a directory that the broker's
// configuration names, else the R2 bucket that is bound. Not whether topics use it.

import { type Bindings, EnvironmentName, readEnvironment } from '../core/env.ts'
import { tierSettings } from '../core/tier-settings.ts'
import type { Send } from './calls.ts'
import { DirectoryStore } from './directory-store.ts'
import type { Tier } from './object-store.ts'
import { type Bucket, R2Store } from './r2-store.ts'
import { type S3Credentials, S3Store } from './s3-store.ts'

/** A service of the launcher's configuration. */
interface Service {
  fetch(request: Request): Promise<Response>
}

/**
 * The tier that the environment configures; null when there is none.
 * @throws TypeError when it cannot be had as it is configured: nothing is stored on a guess
 */
export function tierOf(env: object): Tier | null {
  const bindings = env as Bindings
  const { config, local } = readEnvironment(env)
  const settings = tierSettings(config)
  if ('error' in settings) throw new TypeError(settings.error)
  const { tier } = settings
  switch (tier?.kind) {
    case 'directory': {
      const send = sendBy(bindings[EnvironmentName.TIER_DIRECTORY])
      if (send === null) throw new TypeError('ottla.tier.dir is for a broker that `ottla` starts')
      return { store: new DirectoryStore(send), isSynced: false }
    }
    case 's3': {
      // The launcher's configuration leads nowhere but through this service.
      const send = sendBy(bindings[EnvironmentName.TIER_NETWORK]) ?? ((request) => fetch(request))
      return { store: new S3Store(tier, credentialsOf(bindings), send), isSynced: true }
    }
    case undefined: {
      const bucket = bindings[EnvironmentName.TIER]
      if (!isBucket(bucket)) return null
      // On this machine it is a simulation of R2 with files that are not synced.
      return { store: new R2Store(bucket), isSynced: !local }
    }
  }
}

function sendBy(binding: unknown): Send | null {
  if (typeof binding !== 'object' || binding === null) return null
  const service = binding as Service
  return (request) => service.fetch(request)
}

function isBucket(binding: unknown): binding is Bucket {
  return typeof binding === 'object' && binding !== null && 'put' in binding && 'list' in binding
}

function credentialsOf(bindings: Bindings): S3Credentials {
  const [accessKeyId, secretAccessKey, sessionToken] = [
    EnvironmentName.AWS_ACCESS_KEY_ID,
    EnvironmentName.AWS_SECRET_ACCESS_KEY,
    EnvironmentName.AWS_SESSION_TOKEN,
  ].map((name) => {
    const value = bindings[name]
    return typeof value === 'string' && value !== '' ? value : null
  })
  if (!accessKeyId || !secretAccessKey) {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = EnvironmentName
    throw new TypeError(`an S3 tier needs ${AWS_ACCESS_KEY_ID} and ${AWS_SECRET_ACCESS_KEY}`)
  }
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken ?? null }
}
