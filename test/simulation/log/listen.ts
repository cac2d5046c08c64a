// Has the judges of partitions hear what is written, what is said of log starts and ends, and what is asked for.

import type { DeleteRecordsRequest } from '../../../src/partition/contract.ts'
import type { Storage } from '../platform/storage.ts'
import type { World } from '../world.ts'
import type { Expectations } from './expectations.ts'
import { judgeTrim } from './judge-tier.ts'

interface Said {
  readonly error?: number
  readonly logStartOffset?: number
  readonly lowWatermark?: number
  readonly kind?: string
  readonly baseOffset?: number
  readonly replies?: readonly Said[]
}

/** @param logs by the names of their objects */
export function listenToLogs(world: World, logs: ReadonlyMap<string, Expectations>): void {
  const storages = new Map<string, Storage>()
  world.registrars.push(({ name, storage }) => {
    const expected = logs.get(name)
    if (expected === undefined) return
    storages.set(name, storage)
    storage.witness = expected.written
    expected.written.trimmed = (localStart) => {
      for (const breach of judgeTrim(storage, world.bucket, expected.logStart, localStart)) {
        expected.notice(breach)
      }
    }
  })
  world.doormen.push(({ object, method, args }) => {
    const expected = logs.get(object)
    if (expected === undefined || method !== 'deleteRecords') return
    expected.asksToDelete((args as [DeleteRecordsRequest])[0].offset)
  })
  world.listeners.push(({ object, method, args, result }) => {
    const expected = logs.get(object)
    if (method === 'deleteRecords') {
      expected?.answersDeletion((args as [DeleteRecordsRequest])[0].offset)
    }
    if (expected === undefined || result === null || typeof result !== 'object') return
    const confirmed = storages.get(object)?.confirmed ?? 0
    const { replies = [], ...said } = result as Said
    for (const one of [...replies, said]) {
      const { logStartOffset = -1, lowWatermark = -1, error = 0, kind, baseOffset = -1 } = one
      if (kind === 'appended') expected.seen(baseOffset + 1)
      if (logStartOffset >= 0) expected.saysLogStart(logStartOffset)
      if (lowWatermark >= 0 && error === 0) expected.saysDeleted(lowWatermark, confirmed)
    }
    for (const { invariant, what } of expected.takeNoticed()) {
      world.violated(invariant, `${object}: ${what}`)
    }
  })
}
