// `ottla consume --group`: the same records, as a member of a consumer group. Who is in it, what it reads and what it
// has committed is the client's (src/client/group.ts); here it is printed, and what is printed is done. Not following
// by a position: consume.ts.

import {
  type Codec,
  type ConnectOptions,
  connect,
  OttlaError,
  type ReadRecord,
  type Stored,
} from '../../client/client.ts'
import { BrokerApi } from '../broker-api.ts'
import { FailedError, type Io } from '../command.ts'

/** What is consumed, and how. */
export interface GroupAsk {
  readonly url: URL
  /** As authorizationOf in command.ts. */
  readonly authorization: string | null
  readonly group: string
  readonly topics: readonly string[]
  /** Where the group has committed nothing. */
  readonly from: 'earliest' | 'latest'
  readonly isUncommitted: boolean
  /** End after so many records. */
  readonly most: number
}

/** A record in the API's own form. */
export interface GroupRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key?: string | null
  readonly keyBase64?: string
  readonly value?: string | null
  readonly valueBase64?: string
  readonly headers: readonly object[]
}

const CLIENT_ID = 'ottla-consume'
/** As it is stored. */
const raw: Codec<never, Stored> = {
  encode: (value) => ({ value }),
  decode: (stored) => ({ value: stored }),
}

/** A password is not for WebSockets: with one a token is asked for, and another before that ends. */
function tokenOf({ url, authorization, topics, group }: GroupAsk, io: Io): Partial<ConnectOptions> {
  if (authorization === null) return {}
  if (authorization.startsWith(BEARER)) return { token: authorization.slice(BEARER.length) }
  const broker = new BrokerApi(url, authorization, io.signal)
  const body = { topics, groups: [group], operations: ['READ'] }
  const token = async () =>
    (await broker.json<{ readonly token: string }>('POST', '/v1/tokens', { body })).token
  return { token }
}

const BEARER = 'Bearer '

/** Prints what the group gives us until we are asked to stop, or it is enough. */
export async function consumeAsMember(
  ask: GroupAsk,
  print: (record: GroupRecord) => void,
  io: Io,
): Promise<void> {
  const { url, group, most } = ask
  const ottla = connect(url, {
    clientId: CLIENT_ID,
    ...tokenOf(ask, io),
  })
  const unreachable = new AbortController()
  sayCuts(ottla, io, (reason) => unreachable.abort(new FailedError(reason)))
  const topics = ask.topics.map((name) => ottla.topic<never, Stored>(name, { value: raw }))
  const loop = ottla.group(group).consume(topics, {
    from: ask.from,
    isolation: ask.isUncommitted ? 'read_uncommitted' : 'read_committed',
    onInvalid: (error) => io.say(error.message),
    signal: AbortSignal.any([io.signal, unreachable.signal]),
  })
  try {
    for (let printed = 0; printed < most; printed++) {
      const { done, value } = await loop.next()
      if (done === true) return
      print(shown(value))
    }
    await asked(loop)
  } catch (error) {
    if (io.signal.aborted) return
    throw error instanceof OttlaError ? new FailedError(`${error.code}: ${error.message}`) : error
  } finally {
    await loop.return?.()
    await ottla.close()
  }
}

/** To ask for the next record is to say that the last one is done. */
async function asked(loop: AsyncIterator<unknown>): Promise<void> {
  loop.next().catch(() => {})
  await new Promise((resolve) => setImmediate(resolve))
}

/** Of a cut one line is said. A broker that was never there is a mistake more often than an outage. */
function sayCuts(
  ottla: ReturnType<typeof connect>,
  io: Io,
  failed: (reason: string) => void,
): void {
  let wasLive = false
  let isSaid = false
  ottla.addEventListener('state', ({ state, error }) => {
    if (state === 'live') {
      wasLive = true
      isSaid = false
    } else if (error instanceof OttlaError && !wasLive) failed(error.message)
    else if (error instanceof OttlaError && !isSaid && !io.signal.aborted) {
      isSaid = true
      io.say(`ottla consume: ${error.message}; trying again`)
    }
  })
}

function shown(record: ReadRecord<Stored>): GroupRecord {
  const { topic, partition, offset, timestamp, key, value, headers } = record
  return {
    topic,
    partition,
    offset,
    timestamp,
    ...members('key', key),
    ...members('value', value),
    headers: headers.map((header) => ({ key: header.key, ...members('value', header.value) })),
  }
}

function members(name: string, stored: Stored): object {
  return stored instanceof Uint8Array
    ? { [`${name}Base64`]: Buffer.from(stored).toString('base64') }
    : { [name]: stored }
}
