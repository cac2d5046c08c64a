// All sessions of one object: begins them, finds those that go on after the object has slept or ended, closes
// those whose client is gone, and keeps each one's state attached to its socket. Loaded with the first of them,
// for zod and the broker's handlers come with it. Not the platform: object.ts.

import type { BrokerContext } from '../broker/context.ts'
import type { Counts } from '../broker/counts.ts'
import { brokerContext, countOpen, environmentOf, type WorkerEnv } from '../broker/isolate.ts'
import { DEFAULT_TENANT } from '../core/ids.ts'
import { STREAM_ACCESS_MS } from '../core/limits/http-security.ts'
import { LIVE_AWAKE_MS, LIVE_SESSIONS_PER_SHARD, LIVE_SWEEP_MS } from '../core/limits/live.ts'
import { entranceOf } from '../http/entrance.ts'
import { endOfAccess, expiryOf } from '../http/http-access.ts'
import { type Identity, openIdentity } from '../http/identity.ts'
import { workerLog } from '../runtime/log.ts'
import type { Access } from '../security/access.ts'
import { brokerFace } from './broker.ts'
import { noTotals } from './outbox.ts'
import { Session } from './session.ts'
import { decodeState, encodeState, type SessionState } from './session-state.ts'
import type { Surroundings } from './surroundings.ts'

/** A WebSocket as the platform keeps it for an object. */
export interface KeptSocket {
  send(message: string): void
  close(code: number, reason: string): void
  serializeAttachment(attachment: Attachment): void
  deserializeAttachment(): unknown
}

/** What is attached to a socket: at most 16 KiB. */
export interface Attachment {
  readonly version: 1
  /** As BrokerContext has it. */
  readonly clientHost: string
  /** Who the client is; not there where a version before this one has attached it. */
  readonly identity?: Identity
  /** A SessionState. */
  readonly state: Uint8Array
  /** When the client was last heard of, `ping`s aside, and last asked for a sign of life. */
  readonly seenMs: number
  readonly askedMs: number
}

/** WebSocket's close codes, as far as this end gives a reason. */
const CloseCode = { NORMAL: 1000, GONE: 1001, DENIED: 1008, RESTART: 1012, LATER: 1013 } as const

/** A socket that was silent for most of a sweep is asked; who was asked and is silent at the next one is gone. */
const SILENT_MS = LIVE_SWEEP_MS - 5_000

/** What no message here tells. */
const NOWHERE = { host: '', port: 0 }

/** Shared by all objects of this isolate. */
const totals = noTotals()

interface Open {
  readonly session: Session
  readonly counts: Counts
  readonly clientHost: string
  readonly identity: Identity
  readonly access: Access
  /** When it was last asked whether the client may go on. */
  allowedMs: number
  seenMs: number
  askedMs: number
  /** Its state is to be attached at the end of this turn. */
  isChanged: boolean
}

/** See the head of this file. */
export class LiveHost {
  readonly #env: WorkerEnv
  readonly #name: string
  readonly #sessions = new Map<KeptSocket, Open>()
  #awake: ReturnType<typeof setTimeout> | null = null

  /** @param name of the object, in statistics */
  constructor(env: WorkerEnv, name: string) {
    this.#env = env
    this.#name = name
  }

  /** Whether there may be one more than so many. */
  mayOpen(open: number): boolean {
    return open < LIVE_SESSIONS_PER_SHARD
  }

  /** Begins a session. @param told who the Worker says that the client is */
  open(socket: KeptSocket, clientHost: string, told: string | null): void {
    const identity = told === null ? this.#unknown() : identityIn(told)
    if (identity === null) closeQuietly(socket, CloseCode.DENIED, 'nobody knows who this is')
    else this.#start(socket, null, { clientHost, identity, seenMs: Date.now(), askedMs: 0 })
    this.count()
  }

  /** Goes on with the sessions of these sockets that this host does not know: the object was made anew. */
  resume(sockets: readonly KeptSocket[]): void {
    for (const socket of sockets) {
      if (!this.#sessions.has(socket)) this.#goOn(socket)
    }
  }

  /** Takes a message of a client. */
  receive(socket: KeptSocket, message: string | ArrayBuffer): void {
    const open = this.#sessions.get(socket)
    if (open === undefined) return
    open.seenMs = Date.now()
    open.counts.add(
      'received|live',
      typeof message === 'string' ? message.length : message.byteLength,
    )
    if (typeof message === 'string') open.session.receive(message)
    else open.session.receiveBinary()
    this.#changed(socket, open)
  }

  /** The client has gone, or wants to. Resolves when its members have left their groups. */
  async closed(socket: KeptSocket): Promise<void> {
    closeQuietly(socket, CloseCode.NORMAL, '')
    // Its members are to leave also where the object was made anew since.
    if (!this.#sessions.has(socket)) this.#goOn(socket)
    const open = this.#sessions.get(socket)
    this.#sessions.delete(socket)
    this.count()
    await open?.session.close()
  }

  /**
   * Asks a client for a sign of life, or ends its session where it was asked and gave none.
   * @param pingedMs when it last asked for one itself
   * @returns false when it is over
   */
  look(socket: KeptSocket, pingedMs: number): boolean {
    const open = this.#sessions.get(socket)
    if (open === undefined) return false
    const nowMs = Date.now()
    const seenMs = Math.max(open.seenMs, pingedMs)
    if (nowMs - seenMs < SILENT_MS) return true
    if (open.askedMs > seenMs && nowMs - open.askedMs >= SILENT_MS) {
      workerLog(environmentOf(this.#env).logLevel)('debug', 'live session is dead', {
        silentMs: nowMs - seenMs,
      })
      this.#end(socket, CloseCode.GONE, 'no sign of life')
      return false
    }
    open.askedMs = nowMs
    open.session.ping()
    this.#changed(socket, open)
    return true
  }

  /** Says what there is and was: nobody waits for it. */
  count(): void {
    void countOpen(this.#env, 'live', this.#name, this.#sessions.size)
  }

  #end(socket: KeptSocket, code: number, reason: string): void {
    closeQuietly(socket, code, reason)
    // It may not tell of a client that does not answer.
    void this.closed(socket)
  }

  #goOn(socket: KeptSocket): void {
    const attached = socket.deserializeAttachment()
    const identity = isAttachment(attached) ? this.#identityOf(attached) : null
    if (!isAttachment(attached) || identity === null) {
      closeQuietly(socket, CloseCode.RESTART, 'the broker has restarted: connect again')
      return
    }
    this.#start(socket, decodeState(attached.state), { ...attached, identity })
  }

  /** Who a client is of whom nobody has said anything: none who may be served, where somebody is asked. */
  #unknown(): Identity | null {
    return entranceOf(this.#env) === null ? openIdentity(DEFAULT_TENANT) : null
  }

  /** Null where nobody knows, or their tenant is there no more. */
  #identityOf({ identity }: Attachment): Identity | null {
    if (identity === undefined) return this.#unknown()
    const known = withTenant(identity)
    return environmentOf(this.#env).tenants.has(known.tenant) ? known : null
  }

  /** Ends the sessions whose clients may not go on: what they have shown has expired, or was revoked. */
  async endDenied(): Promise<void> {
    const nowMs = Date.now()
    const due = [...this.#sessions].filter(([, { access, allowedMs }]) => {
      const isDue = nowMs - allowedMs >= STREAM_ACCESS_MS || nowMs >= expiryOf(access)
      return !access.isOpen && isDue
    })
    await Promise.all(
      due.map(async ([socket, open]) => {
        open.allowedMs = nowMs
        const end = await endOfAccess(open.access)
        if (end === null || this.#sessions.get(socket) !== open) return
        open.session.tellEnd(end)
        this.#end(socket, CloseCode.DENIED, 'who this is has to be shown again')
      }),
    )
  }

  #start(
    socket: KeptSocket,
    state: SessionState | null,
    about: Pick<Attachment, 'clientHost' | 'seenMs' | 'askedMs'> & { readonly identity: Identity },
  ): void {
    const { clientHost, identity, seenMs, askedMs } = about
    const { tenant } = identity
    const reached = brokerContext(this.#env, { advertised: NOWHERE, clientHost, tenant })
    const context = entranceOf(this.#env)?.contextOf(reached, identity) ?? reached
    const session = new Session(this.#surroundings(socket, context), state)
    const { access, counts } = context
    const known = { clientHost, identity, access, counts, allowedMs: 0 }
    const open = { session, ...known, seenMs, askedMs, isChanged: false }
    this.#sessions.set(socket, open)
    this.#changed(socket, open)
  }

  #surroundings(socket: KeptSocket, context: BrokerContext): Surroundings {
    const { log, counts } = context
    return {
      now: context.timers.now,
      after: context.timers.after,
      send(text) {
        sendQuietly(socket, text)
        counts.add('sent|live', text.length)
      },
      newId: () => crypto.randomUUID(),
      totals,
      ...brokerFace(context, Math.random),
      changed: () => {
        const open = this.#sessions.get(socket)
        if (open !== undefined) this.#changed(socket, open)
      },
      failed: (what, error) => log('error', 'live session failed', { what, reason: String(error) }),
    }
  }

  /** Attaches the state once for all that changes in a turn. */
  #changed(socket: KeptSocket, open: Open): void {
    this.#stayAwake()
    if (open.isChanged) return
    open.isChanged = true
    queueMicrotask(() => {
      open.isChanged = false
      if (this.#sessions.get(socket) === open) this.#keep(socket, open)
    })
  }

  #keep(socket: KeptSocket, { session, clientHost, identity, seenMs, askedMs }: Open): void {
    const state = encodeState(session.state())
    // What is ended here changes the state: it comes back.
    if (state === null) session.shrink()
    else socket.serializeAttachment({ version: 1, clientHost, identity, state, seenMs, askedMs })
  }

  /**
   * While anything goes on a timer runs: the platform puts an object to sleep that only waits for others. Besides it
   * looks for clients that stand still while others wait for what is held for them.
   */
  #stayAwake(): void {
    if (this.#awake !== null) return
    if (![...this.#sessions.values()].some(({ session }) => session.isActive)) return
    this.#awake = setTimeout(() => {
      this.#awake = null
      this.count()
      for (const [socket, { session }] of this.#sessions) {
        if (session.isStalled) this.#end(socket, CloseCode.LATER, 'stalled while others wait')
      }
      void this.endDenied()
      this.#stayAwake()
    }, LIVE_AWAKE_MS)
  }
}

/** As the Worker writes it; nobody else reaches this object. */
function identityIn(told: string): Identity {
  return withTenant(JSON.parse(decodeURIComponent(told)) as Identity)
}

/** A version before this one has not said whose they are: there was main alone. */
function withTenant(identity: Identity): Identity {
  return { ...identity, tenant: identity.tenant ?? DEFAULT_TENANT }
}

function isAttachment(value: unknown): value is Attachment {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'version') === 1
}

function sendQuietly(socket: KeptSocket, text: string): void {
  try {
    socket.send(text)
  } catch {
    // It is closed: the runtime says so in an event of its own.
  }
}

function closeQuietly(socket: KeptSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason)
  } catch {
    // It is closed already.
  }
}
