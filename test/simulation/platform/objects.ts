// The platform of Durable Objects: finds or makes the object of a name, carries calls to it and answers
// back, keeps its storage and its alarm, and ends it. As the real one does:
// - arguments and results are copies; calls through one stub arrive in the order they were made, and when
//   one of them is lost, or its object ends, so are those behind it;
// - when an object ends, the calls in it are rejected, and the next call meets a new instance;
// - an alarm fires at least once, and is made anew when its handler did not end;
// - no message leaves an object before the alarms it set are safe (the output gate). For what it wrote by
//   SQL the gate is left open on purpose: nothing here may count on it.

import type { ObjectBindings } from '../../../src/runtime/objects.ts'
import type { Hazards } from './hazards.ts'
import type { Random } from './random.ts'
import { Context, running, type Scheduler } from './scheduler.ts'
import { type SqlValue, Storage } from './storage.ts'
import type { Trace } from './trace.ts'

/** A Durable Object class, as index.ts exports it. */
export type ObjectClass = new (state: never, env: never) => object

/** A call that has reached its object. Whether it takes effect is not known: the object may end. */
export interface Arrived {
  readonly atMs: number
  readonly sentMs: number
  readonly caller: Context
  readonly object: string
  readonly method: string
  readonly args: readonly unknown[]
}

/** A call that an object has answered, before the answer travels. */
export interface Served extends Arrived {
  readonly result: unknown
}

/** How long after a lost message its sender knows. */
const LOSS_NOTICED_MS = 400
/** How long after a failed alarm it is made anew. */
const ALARM_RETRY_MS = 2_000

interface Call {
  readonly sentMs: number
  readonly caller: Context
  readonly method: string
  readonly args: readonly unknown[]
  readonly loses: 'request' | 'reply' | null
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  isOver: boolean
}

/** Calls through one stub. */
interface Lane {
  arrivesMs: number
  isBroken: boolean
  /** One of its calls did not get through: nor do those that come later. */
  isCut: boolean
  /** Whom its calls have reached: when that ends, the stub is of no more use. */
  reached: Context | null
}

interface Instance {
  readonly context: Context
  readonly target: object
  readonly calls: Set<Call>
  /** What it writes up to here must be safe before anything leaves. */
  gate: number
}

/** An object: its storage and, when it is awake, its instance. */
export class Slot {
  readonly name: string
  readonly storage = new Storage()
  instance: Instance | null = null
  incarnations = 0
  isCommitting = false
  /** Up to here is in the last commit that was begun. */
  committing = 0
  /** Raised when commits under way become void. */
  commits = 0
  syncs: { readonly position: number; readonly resume: () => void }[] = []
  alarmVersion = 0
  alarmRuns = false
  /** It was running when the instance ended. */
  alarmFailed = false
  cancelAlarm: (() => void) | null = null
  /** It could not be set, and has not been set since. */
  isAlarmUnset = false

  constructor(name: string) {
    this.name = name
  }
}

export interface PlatformOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly trace: Trace
  readonly hazards: Hazards
  readonly classOf: (name: string) => ObjectClass
  readonly arrived: (call: Arrived) => void
  readonly served: (call: Served) => void
  readonly settings: Readonly<Record<string, string>>
  /** Whether storage and alarm of this object fail at all (Profile). */
  readonly mayFail: (name: string) => boolean
  /** What a caller has beside the objects and the settings. */
  readonly bound: () => Readonly<Record<string, unknown>>
  /** An object is called for the first time. */
  readonly made: (slot: Slot) => void
  /** Calls through a stub go on to the next instance when one has ended; the documented platform fails them. */
  readonly stubsOutlive: boolean
}

/** See the head of this file. */
export class Platform {
  readonly #options: PlatformOptions
  /** Nothing answers and nothing wakes before. */
  downUntilMs = 0
  readonly #slots = new Map<string, Slot>()

  constructor(options: PlatformOptions) {
    this.#options = options
  }

  /** Every object that was ever called. */
  get slots(): readonly Slot[] {
    return [...this.#slots.values()]
  }

  /** The environment of one caller. */
  bindings(caller: Context): ObjectBindings {
    const namespace = { getByName: (name: string) => this.#stub(caller, name) }
    return {
      PARTITION: namespace,
      CLUSTER: namespace,
      GROUP: namespace,
      TRANSACTION: namespace,
      WATCH: namespace,
      // Nobody's behaviour depends on what is told there.
      STATISTICS: { getByName: () => ({ report: async () => {} }) },
      ...this.#options.settings,
      ...this.#options.bound(),
    }
  }

  /** An object is put to sleep: its memory is gone, what it wrote is kept, and safe before it wakes. */
  evict(slot: Slot): void {
    this.#options.trace.add(`evict ${slot.name}`)
    this.#end(slot)
    this.#restart(slot, slot.storage.position)
  }

  /** An object's machine dies: what was not confirmed may be lost. */
  crash(slot: Slot): void {
    const { trace, random } = this.#options
    trace.add(`crash ${slot.name}`)
    this.#end(slot)
    // A commit is kept whole or lost whole; what was written in one turn is in one commit.
    const { storage, committing } = slot
    this.#restart(slot, random.pick([storage.confirmed, committing, storage.position]))
  }

  /** Storage as the next instance finds it: all up to a position, and all of that safe. */
  #restart(slot: Slot, kept: number): void {
    const { storage } = slot
    slot.commits += 1
    slot.isCommitting = false
    slot.committing = kept
    slot.alarmVersion += 1
    slot.syncs = []
    storage.cut(kept)
    storage.confirm(kept)
    this.#arm(slot, slot.alarmFailed ? ALARM_RETRY_MS : 0)
    slot.alarmFailed = false
  }

  /** The whole platform dies and is down for a while. */
  outage(ms: number): void {
    const { trace, scheduler } = this.#options
    trace.add(`outage of ${ms} ms`)
    this.downUntilMs = Math.max(this.downUntilMs, scheduler.nowMs + ms)
    for (const slot of this.slots) this.crash(slot)
  }

  /** Calls that reached an object so long ago and were not answered. */
  unanswered(ms: number): readonly string[] {
    const { nowMs } = this.#options.scheduler
    return this.slots.flatMap(({ name, instance }) =>
      [...(instance?.calls ?? [])]
        .filter(({ sentMs }) => nowMs - sentMs >= ms)
        .map(({ caller, method }) => `${caller.name} > ${name}.${method}`),
    )
  }

  close(): void {
    for (const { storage } of this.#slots.values()) storage.close()
  }

  #slot(name: string): Slot {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    const slot = new Slot(name)
    this.#slots.set(name, slot)
    if (this.#options.mayFail(name)) {
      const { hazards, trace } = this.#options
      slot.storage.fails = (query) => {
        if (!hazards.statementFails()) return false
        trace.add(`${name} fails ${query.slice(0, 40)}`)
        return true
      }
    }
    this.#options.made(slot)
    return slot
  }

  #end(slot: Slot): void {
    const { instance } = slot
    if (instance === null) return
    slot.instance = null
    instance.context.kill()
    for (const call of instance.calls) this.#reject(call, ended(slot.name))
    instance.calls.clear()
    slot.syncs = []
    slot.alarmFailed = slot.alarmRuns
    slot.alarmRuns = false
  }

  #stub(caller: Context, name: string): unknown {
    const lane: Lane = { arrivesMs: 0, isBroken: false, isCut: false, reached: null }
    const slot = this.#slot(name)
    return new Proxy(
      {},
      {
        get: (_, method) =>
          typeof method === 'string' && method !== 'then'
            ? (...args: unknown[]) => this.#call(caller, slot, lane, method, args)
            : undefined,
      },
    )
  }

  #call(
    caller: Context,
    slot: Slot,
    lane: Lane,
    method: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    const { scheduler, hazards } = this.#options
    return new Promise((resolve, reject) => {
      if (!caller.alive) return
      const loses = lane.isBroken ? 'request' : hazards.lost()
      // What is behind a lost request on the same stub is lost with it.
      if (loses === 'request') lane.isBroken = true
      const call: Call = {
        sentMs: scheduler.nowMs,
        caller,
        method,
        args: structuredClone(args),
        loses,
        resolve,
        reject,
        isOver: false,
      }
      const send = () => {
        lane.arrivesMs = Math.max(scheduler.nowMs + hazards.messageMs(), lane.arrivesMs)
        scheduler.after(lane.arrivesMs - scheduler.nowMs, null, () =>
          this.#deliver(slot, lane, call),
        )
      }
      const sender = this.#instanceOf(caller)
      if (sender === null) send()
      else this.#whenSafe(sender.slot, sender.instance, send)
    })
  }

  #instanceOf(context: Context): { readonly slot: Slot; readonly instance: Instance } | null {
    const slot = this.#slots.get(context.name)
    const instance = slot?.instance ?? null
    return slot === undefined || instance?.context !== context ? null : { slot, instance }
  }

  #deliver(slot: Slot, lane: Lane, call: Call): void {
    const { trace, served, arrived, scheduler } = this.#options
    const what = `${call.caller.name} > ${slot.name}.${call.method}`
    const isDown = scheduler.nowMs < this.downUntilMs
    const isStale = lane.reached !== null && !lane.reached.alive && !this.#options.stubsOutlive
    if (call.loses === 'request' || isStale || isDown || lane.isCut) {
      lane.isCut = true
      trace.add(`lost ${what}`)
      this.#reject(call, new Error('the connection broke'), LOSS_NOTICED_MS)
      return
    }
    trace.add(what, () => text(call.args))
    let instance: Instance
    try {
      instance = this.#wake(slot)
    } catch (error) {
      trace.add(`${slot.name} did not start: ${String(error)}`)
      this.#reject(call, error)
      return
    }
    lane.reached = instance.context
    instance.calls.add(call)
    const { caller, method, args, sentMs } = call
    const about = { caller, method, args, sentMs, object: slot.name }
    arrived({ ...about, atMs: scheduler.nowMs })
    const succeed = (value: unknown) => {
      if (!instance.context.alive || call.isOver) return
      const result = structuredClone(value)
      this.#whenSafe(slot, instance, () => {
        if (!instance.context.alive || call.isOver) return
        instance.calls.delete(call)
        served({ ...about, atMs: scheduler.nowMs, result })
        this.#reply(slot, call, result)
      })
    }
    const fail = (error: unknown) => {
      if (!instance.context.alive || call.isOver) return
      instance.calls.delete(call)
      this.#reject(call, error)
    }
    running.run(instance.context, () => {
      try {
        Promise.resolve(invoke(instance.target, call.method, call.args)).then(succeed, fail)
      } catch (error) {
        fail(error)
      }
    })
  }

  #reply(slot: Slot, call: Call, result: unknown): void {
    const { scheduler, hazards, trace } = this.#options
    const what = `${call.caller.name} < ${slot.name}.${call.method}`
    if (call.loses === 'reply') {
      trace.add(`lost ${what}`, () => text(result))
      this.#reject(call, new Error('the connection broke'), LOSS_NOTICED_MS)
      return
    }
    call.isOver = true
    scheduler.after(hazards.messageMs(), call.caller, () => {
      trace.add(what, () => text(result))
      call.resolve(result)
    })
  }

  #reject(call: Call, error: unknown, ms = 0): void {
    if (call.isOver) return
    call.isOver = true
    const { scheduler, hazards, trace } = this.#options
    scheduler.after(ms + hazards.messageMs(), call.caller, () => {
      trace.add(`${call.caller.name} failed ${call.method}`)
      call.reject(error)
    })
  }

  #wake(slot: Slot): Instance {
    if (slot.instance !== null) return slot.instance
    slot.incarnations += 1
    const context = new Context(slot.name)
    const early: { gate: number } = { gate: 0 }
    const state = this.#stateFor(slot, context, early)
    const Class = this.#options.classOf(slot.name)
    const target = running.run(
      context,
      () => new Class(state as never, this.bindings(context) as never),
    )
    const instance: Instance = Object.assign(early, { context, target, calls: new Set<Call>() })
    slot.instance = instance
    return instance
  }

  /** What the platform gives to an instance. Dead instances write nothing. */
  #stateFor(slot: Slot, context: Context, instance: { gate: number }) {
    const { storage } = slot
    const demandLife = () => {
      if (!context.alive) throw new Error('this object has ended')
    }
    const wrote = <T>(result: T): T => {
      this.#commit(slot)
      return result
    }
    return {
      id: { name: slot.name, toString: () => slot.name },
      storage: {
        sql: {
          exec: (query: string, ...bindings: SqlValue[]) => {
            demandLife()
            const rows = wrote(storage.exec(query, bindings))
            return { toArray: () => rows }
          },
          databaseSize: 4_096,
        },
        transactionSync: <T>(closure: () => T) => {
          demandLife()
          return wrote(storage.transactionSync(closure))
        },
        sync: () => this.#sync(slot, context),
        getAlarm: async () => (slot.alarmRuns ? null : storage.alarmMs),
        setAlarm: async (timeMs: number) => {
          demandLife()
          const { hazards, mayFail, trace } = this.#options
          if (mayFail(slot.name) && hazards.setAlarmFails()) {
            trace.add(`${slot.name} fails setAlarm`)
            slot.isAlarmUnset = true
            throw new Error('the alarm was not set')
          }
          slot.alarmVersion += 1
          slot.isAlarmUnset = false
          storage.setAlarm(timeMs)
          instance.gate = storage.position
          this.#arm(slot, 0)
          wrote(null)
        },
        deleteAll: async () => {
          demandLife()
          storage.deleteAll()
          // Nothing that was written before has to be waited for any more, the alarm included.
          instance.gate = 0
          slot.commits += 1
          slot.isCommitting = false
          slot.committing = 0
          slot.alarmVersion += 1
          this.#arm(slot, 0)
          for (const { resume } of slot.syncs.splice(0)) resume()
        },
      },
      abort: (reason?: string) => {
        if (!context.alive) return
        this.#options.trace.add(`abort ${slot.name}: ${reason}`)
        this.crash(slot)
      },
      waitUntil: () => {},
      blockConcurrencyWhile: <T>(start: () => Promise<T>) => start(),
    }
  }

  /** A commit is under way whenever something is not safe. */
  #commit(slot: Slot): void {
    const { storage } = slot
    if (slot.isCommitting || storage.unconfirmed === 0) return
    slot.isCommitting = true
    const { scheduler, hazards } = this.#options
    const { commits } = slot
    // What is written in the same turn is in the same commit.
    scheduler.after(0, null, () => {
      if (slot.commits !== commits) return
      const { position } = storage
      slot.committing = position
      scheduler.after(hazards.syncMs(), null, () => {
        if (slot.commits !== commits) return
        slot.isCommitting = false
        this.#options.trace.add(`safe ${slot.name} ${position}`)
        storage.confirm(position)
        const ready = slot.syncs.filter((sync) => sync.position <= position)
        slot.syncs = slot.syncs.filter((sync) => sync.position > position)
        for (const { resume } of ready) resume()
        this.#commit(slot)
      })
    })
  }

  #sync(slot: Slot, context: Context): Promise<void> {
    const { hazards, mayFail, scheduler, trace } = this.#options
    return new Promise((resolve, reject) => {
      const { position, confirmed } = slot.storage
      if (mayFail(slot.name) && hazards.syncFails()) {
        scheduler.after(hazards.syncMs(), context, () => {
          trace.add(`${slot.name} fails sync`)
          reject(new Error('the disk failed'))
        })
        return
      }
      const resume = () => {
        scheduler.after(0, context, resolve)
      }
      if (position <= confirmed) resume()
      else slot.syncs.push({ position, resume })
    })
  }

  /** In the same turn when nothing has to be waited for. */
  #whenSafe(slot: Slot, instance: Instance, proceed: () => void): void {
    if (instance.gate <= slot.storage.confirmed) proceed()
    else slot.syncs.push({ position: instance.gate, resume: proceed })
  }

  #arm(slot: Slot, pauseMs: number): void {
    slot.cancelAlarm?.()
    slot.cancelAlarm = null
    const { alarmMs } = slot.storage
    if (alarmMs === null) return
    const { scheduler, hazards, mayFail } = this.#options
    const lateMs = mayFail(slot.name) ? hazards.lateAlarmMs() : 0
    const ms = Math.max(pauseMs, alarmMs - scheduler.nowMs) + lateMs
    slot.cancelAlarm = scheduler.after(ms, null, () => this.#fireAlarm(slot))
  }

  #fireAlarm(slot: Slot): void {
    const { trace, scheduler, hazards, mayFail } = this.#options
    if (scheduler.nowMs < this.downUntilMs) {
      this.#arm(slot, this.downUntilMs - scheduler.nowMs)
      return
    }
    trace.add(`alarm ${slot.name}`)
    let instance: Instance
    try {
      instance = this.#wake(slot)
    } catch (error) {
      trace.add(`${slot.name} did not start: ${String(error)}`)
      this.#arm(slot, ALARM_RETRY_MS)
      return
    }
    const { alarmVersion } = slot
    slot.alarmRuns = true
    const over = (done: boolean) => {
      if (slot.instance !== instance || !slot.alarmRuns) return
      slot.alarmRuns = false
      if (slot.alarmVersion !== alarmVersion) return
      // At least once: that it is over may be forgotten.
      const isForgotten = done && mayFail(slot.name) && hazards.alarmTwice()
      if (!done || isForgotten) this.#arm(slot, ALARM_RETRY_MS)
      else {
        slot.storage.setAlarm(null)
        this.#commit(slot)
      }
    }
    running.run(instance.context, () => {
      Promise.resolve()
        .then(() => invoke(instance.target, 'alarm', []))
        .then(
          () => over(true),
          () => over(false),
        )
    })
  }
}

function invoke(target: object, method: string, args: readonly unknown[]): unknown {
  const found: unknown = Reflect.get(target, method)
  if (typeof found !== 'function') throw new Error(`there is no method ${method}`)
  return found.apply(target, args)
}

function ended(name: string): Error {
  return Object.assign(new Error(`${name} has ended`), { retryable: true })
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner instanceof Uint8Array ? `${inner.length} bytes` : inner,
  )
}
