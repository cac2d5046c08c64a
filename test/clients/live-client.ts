// A client of /v1/live for tests: says messages, keeps what it hears, answers pings. Not the SDK.

import { until } from './calls.ts'

export interface LiveRecord {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string
}

/** A message of the server, as far as tests look. */
export interface LiveMessage {
  readonly type: string
  readonly sub?: number
  readonly id?: number
  readonly topic?: string
  readonly position?: string
  readonly memberId?: string
  readonly bytes?: number
  readonly records?: readonly LiveRecord[]
  readonly partitions?: readonly { readonly topic: string; readonly partition: number }[]
  readonly offsets?: readonly { readonly partition: number; readonly offset: number }[]
  readonly lost?: true
  readonly reason?: string
  readonly replayed?: true
  readonly next?: string | null
  readonly problem?: { readonly code: string; readonly status: number; readonly detail: string }
}

/** See the head of this file. */
export class LiveClient {
  readonly heard: LiveMessage[] = []
  closed: { readonly code: number; readonly reason: string } | null = null
  /** Called with each message. */
  onMessage: (message: LiveMessage) => void = () => {}
  readonly socket: WebSocket

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', ({ data }) => {
      if (data === 'ping') socket.send('pong')
      else if (data !== 'pong') {
        const message = JSON.parse(data) as LiveMessage
        this.heard.push(message)
        this.onMessage(message)
      }
    })
    socket.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason }
    })
  }

  static async open(http: string): Promise<LiveClient> {
    const socket = new WebSocket(`${http.replace('http', 'ws')}/v1/live`, 'ottla.v1')
    const client = new LiveClient(socket)
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve())
      socket.addEventListener('error', () => reject(new Error('the socket did not open')))
    })
    return client
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message))
  }

  of(type: string, sub?: number): LiveMessage[] {
    return this.heard.filter(
      (message) => message.type === type && (sub === undefined || message.sub === sub),
    )
  }

  records(sub: number): LiveRecord[] {
    return this.of('records', sub).flatMap(({ records = [] }) => records)
  }

  /** The first message that is like this, now or later. */
  async hears(isIt: (message: LiveMessage) => boolean): Promise<LiveMessage> {
    await until(async () => this.heard.some(isIt))
    return this.heard.find(isIt)!
  }

  async close(): Promise<void> {
    this.socket.close()
    await until(async () => this.closed !== null)
  }
}

/** A member of a group that processes what comes, commits each message of records, and lets go when asked. */
export class LiveMember {
  readonly client: LiveClient
  readonly seen: string[] = []
  readonly #sub = 1
  readonly owned = new Set<number>()
  #commits = 0

  private constructor(client: LiveClient) {
    this.client = client
    client.onMessage = (message) => this.#take(message)
  }

  static async join(
    http: string,
    group: string,
    topic: string,
    more: object = {},
  ): Promise<LiveMember> {
    const member = new LiveMember(await LiveClient.open(http))
    const asked = { topics: [topic], from: 'earliest', bytes: 100_000, ...more }
    member.client.say({ type: 'join', sub: member.#sub, group, ...asked })
    await member.client.hears(({ type }) => type === 'joined')
    return member
  }

  #take({ type, topic, records = [], partitions = [], bytes }: LiveMessage): void {
    const { client } = this
    const sub = this.#sub
    if (type === 'assigned') for (const { partition } of partitions) this.owned.add(partition)
    if (type === 'revoked') {
      for (const { partition } of partitions) this.owned.delete(partition)
      client.say({ type: 'revoked', sub })
    }
    if (type !== 'records') return
    for (const { value } of records) this.seen.push(value)
    const next = new Map(records.map(({ partition, offset }) => [partition, offset + 1]))
    const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset }))
    this.#commits += 1
    client.say({ type: 'commit', id: this.#commits, sub, offsets })
    client.say({ type: 'grant', sub, bytes })
  }
}
