// What goes wrong in one world: how long messages and commits take, what is lost, how often objects end.
// Drawn once from the seed, so that worlds differ: some are calm but slow, some crash all the time.

import type { Random } from './random.ts'

/** Chances are per event or per call, times milliseconds. */
export interface Profile {
  readonly requestLost: number
  readonly replyLost: number
  readonly messageMs: number
  readonly slowMessage: number
  readonly slowMessageMs: number
  readonly syncMs: number
  readonly slowSync: number
  readonly slowSyncMs: number
  /** An object ends; what it wrote is kept. */
  readonly eviction: number
  /** An object ends and what was not confirmed may be lost. */
  readonly crash: number
  /** All objects crash at once. */
  readonly outage: number
  readonly clientCrash: number
  readonly clientStall: number
  readonly stallMs: number
  /** One statement of a partition, or the end of a transaction, fails: nothing of it is kept. */
  readonly statementFails: number
  /** The wait for what was written ends with an error; what was written may be there or not. */
  readonly syncFails: number
  readonly setAlarmFails: number
  /** An alarm comes late by up to so long, or once more. */
  readonly lateAlarmMs: number
  readonly alarmTwice: number
}

/** What storage and alarms do to a partition that only some scenarios know. */
const SOUND = {
  statementFails: 0,
  syncFails: 0,
  setAlarmFails: 0,
  lateAlarmMs: 0,
  alarmTwice: 0,
} as const

/** The profile of a world. */
export function drawProfile(random: Random): Profile {
  return {
    requestLost: random.pick([0, 0.002, 0.01, 0.03]),
    replyLost: random.pick([0, 0.002, 0.01, 0.03]),
    messageMs: random.pick([1, 3, 10, 40]),
    slowMessage: random.pick([0, 0.01, 0.05]),
    slowMessageMs: random.pick([50, 500, 5_000, 20_000]),
    syncMs: random.pick([1, 4, 15]),
    slowSync: random.pick([0, 0.02, 0.1]),
    slowSyncMs: random.pick([30, 300, 2_000]),
    eviction: random.pick([0, 0.001, 0.004, 0.015]),
    crash: random.pick([0, 0.001, 0.004, 0.015]),
    outage: random.pick([0, 0, 0.000_3, 0.001]),
    clientCrash: random.pick([0, 0.000_5, 0.002]),
    clientStall: random.pick([0, 0.000_5, 0.002]),
    stallMs: random.pick([2_000, 15_000, 70_000]),
    ...SOUND,
  }
}

/** Nothing goes wrong and nothing takes long. */
export const HEALTHY: Profile = {
  requestLost: 0,
  replyLost: 0,
  messageMs: 2,
  slowMessage: 0,
  slowMessageMs: 0,
  syncMs: 2,
  slowSync: 0,
  slowSyncMs: 0,
  eviction: 0,
  crash: 0,
  outage: 0,
  clientCrash: 0,
  clientStall: 0,
  stallMs: 0,
  ...SOUND,
}

/** A profile whose disks and alarms fail too. */
export function withFaultyStorage(profile: Profile, random: Random): Profile {
  return {
    ...profile,
    statementFails: random.pick([0, 0.000_5, 0.003, 0.01]),
    syncFails: random.pick([0, 0, 0.002, 0.01]),
    setAlarmFails: random.pick([0, 0, 0.02, 0.2]),
    lateAlarmMs: random.pick([0, 0, 500, 20_000]),
    alarmTwice: random.pick([0, 0.05, 0.3]),
  }
}

/** The hazards of now. */
export class Hazards {
  profile: Profile
  readonly #random: Random

  constructor(random: Random, profile: Profile) {
    this.#random = random
    this.profile = profile
  }

  messageMs(): number {
    const { messageMs, slowMessage, slowMessageMs } = this.profile
    return this.#random.chance(slowMessage)
      ? this.#random.between(0, slowMessageMs)
      : this.#random.between(0, messageMs)
  }

  syncMs(): number {
    const { syncMs, slowSync, slowSyncMs } = this.profile
    return this.#random.chance(slowSync)
      ? this.#random.between(0, slowSyncMs)
      : this.#random.between(1, syncMs)
  }

  statementFails(): boolean {
    return this.#happens(this.profile.statementFails)
  }

  syncFails(): boolean {
    return this.#happens(this.profile.syncFails)
  }

  setAlarmFails(): boolean {
    return this.#happens(this.profile.setAlarmFails)
  }

  lateAlarmMs(): number {
    const { lateAlarmMs } = this.profile
    return lateAlarmMs === 0 ? 0 : this.#random.between(0, lateAlarmMs)
  }

  alarmTwice(): boolean {
    return this.#happens(this.profile.alarmTwice)
  }

  /** Without a draw where it never does: the seeds of scenarios that do not know it stay as they are. */
  #happens(probability: number): boolean {
    return probability > 0 && this.#random.chance(probability)
  }

  /** What becomes of one call's messages. */
  lost(): 'request' | 'reply' | null {
    if (this.#random.chance(this.profile.requestLost)) return 'request'
    return this.#random.chance(this.profile.replyLost) ? 'reply' : null
  }
}
