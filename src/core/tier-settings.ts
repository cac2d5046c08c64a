// Which object store the broker's configuration names (`ottla.tier.…`), checked. For the launcher, which says
// what is wrong with it, and for the Worker. Not whether the store is there, and no credentials.

/** Files of a directory; only where the launcher runs the broker. */
interface DirectorySettings {
  readonly kind: 'directory'
  readonly path: string
}

/** A bucket of an S3-compatible server. */
interface S3Settings {
  readonly kind: 's3'
  /** Origin, without a slash at its end. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  /** Before every key; empty, or with a slash at its end. */
  readonly prefix: string
}

export type TierSettings = DirectorySettings | S3Settings

/** Names of the settings. */
export const TierSetting = {
  DIRECTORY: 'ottla.tier.dir',
  ENDPOINT: 'ottla.tier.s3.endpoint',
  BUCKET: 'ottla.tier.s3.bucket',
  REGION: 'ottla.tier.s3.region',
  PREFIX: 'ottla.tier.s3.prefix',
} as const

const { DIRECTORY, ENDPOINT, BUCKET, REGION, PREFIX } = TierSetting

/** What S3 takes for a region that nobody asks for; servers other than Amazon's as a rule take any. */
const DEFAULT_REGION = 'us-east-1'

/** Also names of buckets that are older than today's rules. */
const BUCKET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/
const REGION_NAME = /^[A-Za-z0-9-]{1,64}$/
const PREFIX_PATH = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
const PREFIX_CHARACTERS = 256

/** The store that is configured; `tier` is null when none is. */
export function tierSettings(
  config: Readonly<Record<string, string>>,
): { readonly tier: TierSettings | null } | { readonly error: string } {
  const path = config[DIRECTORY] ?? ''
  const endpoint = config[ENDPOINT] ?? ''
  if (path !== '' && endpoint !== '')
    return { error: `${DIRECTORY} and ${ENDPOINT} exclude each other` }
  if (endpoint !== '') return s3Settings(endpoint, config)
  const stray = [BUCKET, REGION, PREFIX].find((name) => (config[name] ?? '') !== '')
  if (stray !== undefined) return { error: `${stray} needs ${ENDPOINT}` }
  return { tier: path === '' ? null : { kind: 'directory', path } }
}

function s3Settings(
  given: string,
  config: Readonly<Record<string, string>>,
): { readonly tier: TierSettings } | { readonly error: string } {
  const endpoint = originOf(given)
  if (endpoint === null) {
    // It may have a password in it, so it is not repeated.
    return { error: `${ENDPOINT} must be an origin such as https://s3.example.com` }
  }
  const bucket = config[BUCKET] ?? ''
  if (bucket === '') return { error: `${ENDPOINT} needs ${BUCKET}` }
  if (!BUCKET_NAME.test(bucket)) return { error: `${BUCKET} is no name of a bucket: "${bucket}"` }
  const region = config[REGION] || DEFAULT_REGION
  if (!REGION_NAME.test(region)) return { error: `${REGION} is no name of a region: "${region}"` }
  const prefix = (config[PREFIX] ?? '').replace(/\/$/, '')
  if (prefix !== '' && !(prefix.length <= PREFIX_CHARACTERS && PREFIX_PATH.test(prefix))) {
    return { error: `${PREFIX} may have letters, digits, ".", "_", "-" and "/": "${prefix}"` }
  }
  return { tier: { kind: 's3', endpoint, bucket, region, prefix: prefix && `${prefix}/` } }
}

/** null unless it is an origin and nothing more, a slash at its end aside. */
function originOf(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) return null
  return url.href === `${url.origin}/` ? url.origin : null
}
