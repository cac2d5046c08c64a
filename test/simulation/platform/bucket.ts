// An object store as R2 offers it to a Worker, whose calls are slow, fail before or after they took effect, take
// effect long after their caller was told otherwise, or twice. What is read may be damaged on its way: a bit turned, cut
// short, or said to be not there. What a caller began goes on when the caller ends.
// Its objects survive all else: what was confirmed is there.

import type { Bucket } from '../../../src/tier/r2-store.ts'
import type { Random } from './random.ts'
import { type Context, running, type Scheduler } from './scheduler.ts'
import type { Trace } from './trace.ts'

/** Chances per call, times milliseconds. */
export interface BucketProfile {
  /** It fails and nothing has happened. */
  readonly fails: number
  /** It takes effect and its answer is lost: it fails, or is never answered. */
  readonly answerLost: number
  /** A put fails, or is never answered, and takes effect within `lateMs`. */
  readonly late: number
  readonly lateMs: number
  /** Takes effect once more: somebody on the way has repeated it. A put before it is answered, a delete ever after. */
  readonly twice: number
  /** What a get gives is not what is there. */
  readonly damaged: number
  readonly callMs: number
  readonly slow: number
  readonly slowMs: number
  /** Nothing works for so long, now and then. */
  readonly outage: number
  readonly outageMs: number
}

/** Nothing goes wrong and nothing takes long. */
export const HEALTHY_BUCKET: BucketProfile = {
  fails: 0,
  answerLost: 0,
  late: 0,
  lateMs: 0,
  twice: 0,
  damaged: 0,
  callMs: 10,
  slow: 0,
  slowMs: 0,
  outage: 0,
  outageMs: 0,
}

/** @param lateMs how long after its begin a put may take effect */
export function drawBucketProfile(random: Random, lateMs: number): BucketProfile {
  return {
    fails: random.pick([0, 0.02, 0.2]),
    answerLost: random.pick([0, 0.02, 0.2]),
    late: random.pick([0, 0.02, 0.2]),
    lateMs,
    twice: random.pick([0, 0.02, 0.2]),
    damaged: random.pick([0, 0, 0.02, 0.2]),
    callMs: random.pick([2, 30]),
    slow: random.pick([0, 0.05]),
    slowMs: random.pick([500, 8_000]),
    outage: random.pick([0, 0.01]),
    outageMs: random.pick([2_000, 30_000]),
  }
}

interface Surroundings {
  readonly random: Random
  readonly scheduler: Scheduler
  readonly trace: Trace
}

type Fate = 'done' | 'failed' | 'unanswered' | 'late'

/** See the head of this file. */
export class SimulatedBucket {
  readonly objects = new Map<string, Uint8Array>()
  profile: BucketProfile
  /** Hears of each object that is deleted, before it is. */
  deletes: (key: string) => void = () => {}
  /** A put or a delete may have taken effect later than anybody was told. */
  readonly isLate: boolean
  readonly #random: Random
  readonly #scheduler: Scheduler
  readonly #trace: Trace
  #downUntilMs = 0

  constructor(profile: BucketProfile, { random, scheduler, trace }: Surroundings) {
    this.profile = profile
    this.isLate = profile.late > 0 || profile.twice > 0 || profile.answerLost > 0
    this.#random = random
    this.#scheduler = scheduler
    this.#trace = trace
  }

  /** As one of its callers has it. */
  binding(): Bucket {
    return {
      put: (key, body) => {
        const bytes = body.slice()
        return this.#call(`put ${key}`, 'put', () => {
          this.objects.set(key, bytes)
          return {}
        })
      },
      get: (key, options) =>
        this.#call(`get ${key}`, null, () => {
          const found = this.objects.get(key)
          if (found === undefined) return null
          const { offset, length } = options?.range ?? { offset: 0, length: found.length }
          const bytes = this.#underWay(found.slice(offset, offset + length))
          if (bytes === null) return null
          return { key, size: found.length, arrayBuffer: async () => bytes.slice().buffer }
        }),
      delete: (keys) =>
        this.#call(`delete ${keys.length}`, 'delete', () => {
          for (const key of keys) {
            this.deletes(key)
            this.objects.delete(key)
          }
        }),
      list: ({ prefix, startAfter = '', limit }) =>
        this.#call(`list ${prefix}`, null, () => {
          const keys = [...this.objects.keys()]
            .filter((key) => key.startsWith(prefix) && key > startAfter)
            .toSorted()
          const objects = keys
            .slice(0, limit)
            .map((key) => ({ key, size: this.objects.get(key)?.length ?? 0 }))
          return { objects, truncated: keys.length > limit }
        }),
    }
  }

  /** Whether readers may be told now that something is damaged. */
  get damages(): boolean {
    return this.profile.damaged > 0
  }

  /** What comes back of an object; null: as if it were not there. */
  #underWay(bytes: Uint8Array): Uint8Array | null {
    if (!this.#chance(this.profile.damaged)) return bytes
    const kind = this.#random.pick(['flipped', 'cut', 'missing'] as const)
    this.#trace.add(`damaged: ${kind}`)
    if (kind === 'missing') return null
    if (kind === 'cut') return bytes.subarray(0, this.#random.between(0, bytes.length - 1))
    const at = this.#random.between(0, bytes.length - 1)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#random.between(0, 7))
    return bytes
  }

  /** @param changes null: it makes no difference when it takes effect */
  #call<T>(what: string, changes: 'put' | 'delete' | null, effect: () => T): Promise<T> {
    const scheduler = this.#scheduler
    const context: Context | null = running.getStore() ?? null
    const fate = this.#fate(changes === 'put')
    const ms = this.#ms()
    const repeatMs = changes === 'put' ? ms : this.profile.lateMs
    this.#trace.add(`${context?.name} asks to ${what}`)
    if (changes !== null && this.#chance(this.profile.twice)) {
      scheduler.after(this.#random.between(0, repeatMs), null, () => {
        this.#trace.add(`once more: ${what}`)
        effect()
      })
    }
    return new Promise((resolve, reject) => {
      const answer = (act: () => void) => scheduler.after(this.#ms(), context, act)
      if (fate === 'late') {
        scheduler.after(this.#random.between(0, this.profile.lateMs), null, () => {
          this.#trace.add(`late: ${what}`)
          effect()
        })
        if (this.#random.chance(0.5)) answer(() => reject(new Error('the network broke')))
        return
      }
      scheduler.after(ms, null, () => {
        this.#trace.add(`${fate}: ${what}`)
        if (fate === 'failed') {
          answer(() => reject(new Error('internal error (10001)')))
          return
        }
        const value = effect()
        if (fate === 'done') answer(() => resolve(value))
        else if (this.#random.chance(0.5)) answer(() => reject(new Error('the network broke')))
      })
    })
  }

  #fate(isPut: boolean): Fate {
    const { fails, answerLost, late, outage, outageMs } = this.profile
    const { nowMs } = this.#scheduler
    if (nowMs < this.#downUntilMs) return 'failed'
    if (this.#chance(outage)) {
      this.#downUntilMs = nowMs + outageMs
      return 'failed'
    }
    if (this.#chance(fails)) return 'failed'
    if (this.#chance(answerLost)) return 'unanswered'
    return isPut && this.#chance(late) ? 'late' : 'done'
  }

  #ms(): number {
    const { callMs, slow, slowMs } = this.profile
    return this.#chance(slow) ? this.#random.between(0, slowMs) : this.#random.between(1, callMs)
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random.chance(probability)
  }

  heal(): void {
    this.profile = HEALTHY_BUCKET
    this.#downUntilMs = 0
  }
}
