// Comparing with the broker's secret (`OTTLA_SECRET`). Not who presents it, nor how: http/credentials.ts, plain.ts.

import { areEqual } from './constant-time.ts'

const encoder = new TextEncoder()

/** Compares in a time that tells nothing of the secret, not even its length. */
export async function isSecret(presented: string, secret: string): Promise<boolean> {
  const [a, b] = await Promise.all([digest(presented), digest(secret)])
  return areEqual(a, b)
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))
}
