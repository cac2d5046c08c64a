// Logging in by SASL as the bench needs it: by PLAIN on a connection that then carries a load, and by SCRAM-SHA-256
// (RFC 5802) as the load itself, from connecting to the first answer. Not a client: what is derived from a password is
// derived once and kept (RFC 5802 section 5.1 allows it), so that the time is the broker's and not ours.

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { ApiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { Metadata } from '../../../src/protocol/messages/metadata.ts'
import { SaslAuthenticate } from '../../../src/protocol/messages/sasl-authenticate.ts'
import { SaslHandshake } from '../../../src/protocol/messages/sasl-handshake.ts'
import type { Api, RequestToSend, ResponseRead } from '../../../src/protocol/schema.ts'
import { Wire } from '../../clients/wire.ts'
import type { LoadClient } from '../client.ts'
import { refuseError } from '../scale/requests.ts'

const API_VERSIONS_VERSION = 3
const HANDSHAKE_VERSION = 1
const AUTHENTICATE_VERSION = 2
const METADATA_VERSION = 12
const HEADER = { correlationId: 1, clientId: 'ottla-bench' }
const SOFTWARE = { clientSoftwareName: 'ottla-bench', clientSoftwareVersion: '1' }
const SHA256_BYTES = 32

/** Who logs in. */
export interface Login {
  readonly user: string
  readonly password: string
}

/** Logs a connection in by PLAIN. @throws Error when it is refused */
export async function logInPlain(client: LoadClient, { user, password }: Login): Promise<void> {
  const ask = async <A extends Api>(
    api: A,
    version: number,
    body: RequestToSend<A>,
  ): Promise<ResponseRead<A>> => {
    const answer = await client.call(encodeRequest(api, version, HEADER, body))
    return decodeResponse(api, version, answer).body
  }
  const handshake = await ask(SaslHandshake, HANDSHAKE_VERSION, { mechanism: 'PLAIN' })
  refuseError('SaslHandshake', handshake.errorCode)
  const authBytes = Buffer.from(`\0${user}\0${password}`)
  const authenticated = await ask(SaslAuthenticate, AUTHENTICATE_VERSION, { authBytes })
  refuseError('SaslAuthenticate', authenticated.errorCode)
}

/** What comes of a password, a salt and the iterations. */
interface Keys {
  /** The salt and the iterations, as the broker says them. */
  readonly terms: string
  readonly clientKey: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** One user who logs in by SCRAM-SHA-256 again and again, on a new connection each time. */
export class ScramLogins {
  readonly #port: number
  readonly #login: Login
  #keys: Keys | null = null

  /** @param port of 127.0.0.1 */
  constructor(port: number, login: Login) {
    this.#port = port
    this.#login = login
  }

  /**
   * Milliseconds from connecting to an answer as this user: ApiVersions, SaslHandshake, two SaslAuthenticate and
   * Metadata of no topics, as Kafka's own clients begin.
   * @throws Error when it is refused, or when the broker does not prove that it knows the user
   */
  async once(): Promise<number> {
    const startMs = performance.now()
    const wire = await Wire.open({ host: '127.0.0.1', port: this.#port })
    try {
      const versions = await wire.call(ApiVersions, API_VERSIONS_VERSION, SOFTWARE)
      refuseError('ApiVersions', versions.errorCode)
      const mechanism = 'SCRAM-SHA-256'
      const handshake = await wire.call(SaslHandshake, HANDSHAKE_VERSION, { mechanism })
      refuseError('SaslHandshake', handshake.errorCode)
      await this.#exchange(wire)
      const { brokers } = await wire.call(Metadata, METADATA_VERSION, { topics: [] })
      if (brokers.length !== 1) throw new Error(`Metadata: ${brokers.length} brokers`)
      return performance.now() - startMs
    } finally {
      wire.close()
    }
  }

  async #exchange(wire: Wire): Promise<void> {
    const bare = `n=${this.#login.user},r=${randomBytes(18).toString('base64')}`
    const serverFirst = await say(wire, `n,,${bare}`)
    const [, nonce = '', terms = ''] = /^r=([^,]*),(s=[^,]*,i=\d+)$/.exec(serverFirst) ?? []
    if (this.#keys?.terms !== terms) this.#keys = keysOf(this.#login.password, terms)
    const { clientKey, storedKey, serverKey } = this.#keys
    const withoutProof = `c=biws,r=${nonce}`
    const proven = `${bare},${serverFirst},${withoutProof}`
    const signature = hmac(storedKey, proven)
    const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))
    const final = await say(wire, `${withoutProof},p=${Buffer.from(proof).toString('base64')}`)
    if (final !== `v=${hmac(serverKey, proven).toString('base64')}`) {
      throw new Error(`the broker has not proven itself: ${final}`)
    }
  }
}

/** One message of the exchange, and the answer to it. */
async function say(wire: Wire, message: string): Promise<string> {
  const authBytes = Buffer.from(message)
  const answer = await wire.call(SaslAuthenticate, AUTHENTICATE_VERSION, { authBytes })
  refuseError('SaslAuthenticate', answer.errorCode)
  return Buffer.from(answer.authBytes).toString()
}

function keysOf(password: string, terms: string): Keys {
  const [, salt = '', iterations = ''] = /^s=([^,]*),i=(\d+)$/.exec(terms) ?? []
  if (iterations === '') throw new Error(`not a first message of SCRAM: ${terms}`)
  const salted = pbkdf2Sync(
    password,
    Buffer.from(salt, 'base64'),
    Number(iterations),
    SHA256_BYTES,
    'sha256',
  )
  const clientKey = hmac(salted, 'Client Key')
  const storedKey = createHash('sha256').update(clientKey).digest()
  return { terms, clientKey, storedKey, serverKey: hmac(salted, 'Server Key') }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
