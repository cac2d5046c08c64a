// SCRAM credentials (RFC 5802, RFC 7677): what is kept of a password instead of it, how it comes to be, and what a
// password is checked against it by. Not the exchange of messages (scram-exchange.ts), not where credentials are kept.

import { areEqual } from './constant-time.ts'
import type { ScramCredential } from './kept.ts'

/** The mechanisms, by the names that SASL has for them; Kafka's numbers are in kept.ts. */
export type ScramName = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

const HASHES: Readonly<Record<ScramName, { readonly name: string; readonly bits: number }>> = {
  'SCRAM-SHA-256': { name: 'SHA-256', bits: 256 },
  'SCRAM-SHA-512': { name: 'SHA-512', bits: 512 },
}

const SALT_CHARACTERS = 26
const SALT_ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'
const encoder = new TextEncoder()

/** Web Crypto wants bytes that nobody shares. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}

/** HMAC with the mechanism's hash. */
export async function hmac(
  mechanism: ScramName,
  key: Uint8Array,
  text: Uint8Array,
): Promise<Uint8Array> {
  const algorithm = { name: 'HMAC', hash: HASHES[mechanism].name }
  const imported = await crypto.subtle.importKey('raw', own(key), algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, own(text)))
}

/** The mechanism's hash. */
export async function digest(mechanism: ScramName, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(HASHES[mechanism].name, own(bytes)))
}

/** PBKDF2: the one slow step, which a SCRAM login leaves to its client. */
export async function saltedPassword(
  mechanism: ScramName,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Promise<Uint8Array> {
  const { name, bits } = HASHES[mechanism]
  const key = await crypto.subtle.importKey('raw', own(password), 'PBKDF2', false, ['deriveBits'])
  const algorithm = { name: 'PBKDF2', hash: name, salt: own(salt), iterations }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, bits))
}

/** The credential of a password that is salted already: AlterUserScramCredentials carries no other. */
export async function credentialOf(
  mechanism: ScramName,
  salted: Uint8Array,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramCredential> {
  const clientKey = await hmac(mechanism, salted, encoder.encode('Client Key'))
  const storedKey = await digest(mechanism, clientKey)
  const serverKey = await hmac(mechanism, salted, encoder.encode('Server Key'))
  return { salt, iterations, storedKey, serverKey }
}

/** The credential of a password. @param salt by `newSalt`, unless it must be the same again */
export async function credentialOfPassword(
  mechanism: ScramName,
  password: string,
  iterations: number,
  salt: Uint8Array = newSalt(),
): Promise<ScramCredential> {
  const bytes = encoder.encode(password)
  const salted = await saltedPassword(mechanism, bytes, salt, iterations)
  return credentialOf(mechanism, salted, salt, iterations)
}

/** Whether the password is the one the credential was made of. Costs its PBKDF2, whatever comes out. */
export async function isPasswordOf(
  mechanism: ScramName,
  credential: ScramCredential,
  password: string,
): Promise<boolean> {
  const { iterations, salt, storedKey } = credential
  const made = await credentialOfPassword(mechanism, password, iterations, salt)
  return areEqual(made.storedKey, storedKey)
}

/** A salt of chance. */
export function newSalt(): Uint8Array {
  return saltOf(crypto.getRandomValues(new Uint8Array(SALT_CHARACTERS)))
}

/**
 * A salt of these bytes, in the form of those that Kafka's own tools make (text in base 36): one of a user who does not
 * exist looks like any other. @param bytes at least 26, as if by chance
 */
export function saltOf(bytes: Uint8Array): Uint8Array {
  const characters = Array.from(
    bytes.subarray(0, SALT_CHARACTERS),
    (byte) => SALT_ALPHABET[byte % SALT_ALPHABET.length] ?? '0',
  )
  return encoder.encode(characters.join(''))
}
