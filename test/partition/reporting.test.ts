import { describe, expect, it } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import { Reporting } from '../../src/partition/reporting.ts'
import type { PartitionReport } from '../../src/statistics/contract.ts'

function reporting() {
  const sent: PartitionReport[] = []
  let fire: (() => void) | null = null
  let nowMs = 5_000
  const leader = new Reporting({
    identity: { topicId: 't' as TopicId, partition: 3 },
    source: () => 'life',
    now: () => nowMs,
    startTimer: (timer, ms) => {
      fire = () => {
        nowMs += ms
        timer()
      }
      return () => {}
    },
    send: async (report) => void sent.push(report),
    report: () => {},
  })
  return {
    leader,
    sent,
    isDue: () => fire !== null,
    async tell() {
      fire?.()
      fire = null
      await Promise.resolve()
      await Promise.resolve()
    },
  }
}

const log = { logStart: 2, highWatermark: 10, sizeBytes: 400, writtenBytes: 500, deleted: false }

describe('what a leader reports', () => {
  it('is its log, and what is new per second since it was loaded', async () => {
    const { leader, sent, tell } = reporting()
    const own = { ...log }
    leader.loaded(own)
    own.highWatermark = 110
    own.writtenBytes = 2_500
    own.sizeBytes = 2_400
    leader.moved()
    await tell()
    expect(sent).toEqual([
      {
        kind: 'partition',
        topicId: 't',
        partition: 3,
        logStartOffset: 2,
        highWatermark: 110,
        sizeBytes: 2_400,
        writtenBytes: 2_500,
        source: 'life',
        readBytes: 0,
        recordRate: 100,
        writeRate: 2_000,
        readRate: 0,
        gone: false,
      },
    ])
  })

  it('has the bytes that were read in its life, and per second since the last report', async () => {
    const { leader, sent, tell } = reporting()
    leader.loaded(log)
    leader.served([new Uint8Array(600), new Uint8Array(400)])
    await tell()
    leader.served([new Uint8Array(5_000)])
    await tell()
    expect(sent.map(({ readBytes, readRate }) => [readBytes, readRate])).toEqual([
      [1_000, 1_000],
      [6_000, 500],
    ])
  })

  it('is nothing while a log is only loaded, or read at its end', () => {
    const { leader, isDue } = reporting()
    leader.loaded(log)
    leader.served([])
    expect(isDue()).toBe(false)
  })

  it('says that the topic is deleted', async () => {
    const { leader, sent, tell } = reporting()
    leader.loaded({ ...log, deleted: true })
    leader.moved()
    await tell()
    expect(sent[0]?.gone).toBe(true)
  })
})
