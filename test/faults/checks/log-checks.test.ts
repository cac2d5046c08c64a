// The checker finds each lie it is there for: a true history of a few records is told, then one thing in
// it is changed. Without these a green kill test would prove nothing.

import { describe, expect, test } from 'vitest'
import type {
  Commit,
  History,
  LogView,
  Observed,
  ProducerHistory,
  ReaderHistory,
  StoredBatch,
  TopicKind,
  TransactionOutcome,
  Write,
} from './history.ts'
import { snapshot } from './history.ts'
import { CHECKS, type CheckName, violations } from './log-checks.ts'

/** A history and the log that belongs to it, open to changes. */
interface Story {
  readonly history: History & {
    readonly producers: ProducerHistory[]
    readonly readers: ReaderHistory[]
    readonly commits: Commit[]
  }
  log: {
    -readonly [Name in keyof LogView]: LogView[Name]
  }
  offset: number
}

function write(
  producer: string,
  sequence: number,
  offset: number,
  fields: Partial<Write> = {},
): Write {
  const place = { topic: 't', partition: 0, key: null, transaction: null }
  return { token: `${producer}:${sequence}`, sequence, offset, ...place, ...fields }
}

function stored(baseOffset: number, ...tokens: string[]): StoredBatch {
  const records = tokens.map((token, index) => ({
    offset: baseOffset + index,
    token,
    key: null,
    whole: true,
  }))
  return {
    baseOffset,
    lastOffset: baseOffset + tokens.length - 1,
    crcOk: true,
    control: false,
    records,
  }
}

function marker(offset: number): StoredBatch {
  return { baseOffset: offset, lastOffset: offset, crcOk: true, control: true, records: [] }
}

/**
 * Offsets 0-1 of idempotent `a`, 2 of plain `b`, 3 of `b` unacknowledged, 4 of the transaction that
 * committed (marker 5), 6 of the one that aborted (marker 7), 8 of kafkajs-like `r`, stored twice (9).
 */
function story(): Story {
  const committed = ['a:0', 'a:1', 'b:0', 'b:1', 't:0'].map((token, offset) => ({ token, offset }))
  const log: LogView = {
    topic: 't',
    partition: 0,
    kind: 'kept',
    logStart: 0,
    end: 10,
    batches: [
      stored(0, 'a:0', 'a:1'),
      stored(2, 'b:0', 'b:1'),
      stored(4, 't:0'),
      marker(5),
      stored(6, 't:1'),
      marker(7),
      stored(8, 'r:0', 'r:0'),
    ],
    committed: [...committed, { token: 'r:0', offset: 8 }, { token: 'r:0', offset: 9 }],
  }
  return {
    history: {
      producers: [
        {
          name: 'a',
          delivery: 'once',
          writes: [write('a', 0, 0), write('a', 1, 1)],
          transactions: [],
        },
        {
          name: 'b',
          delivery: 'unrepeated',
          writes: [write('b', 0, 2), write('b', 1, -1)],
          transactions: [],
        },
        {
          name: 't',
          delivery: 'once',
          writes: [write('t', 0, 4, { transaction: 0 }), write('t', 1, 6, { transaction: 1 })],
          transactions: [transaction('commit', true), transaction('abort', true)],
        },
        { name: 'r', delivery: 'repeated', writes: [write('r', 0, 8)], transactions: [] },
      ],
      readers: [
        {
          name: 'member',
          topic: 't',
          partition: 0,
          readCommitted: true,
          group: 'g',
          seen: committed.slice(0, 4),
        },
      ],
      commits: [
        { group: 'g', topic: 't', partition: 0, offset: 2, confirmed: true },
        { group: 'g', topic: 't', partition: 0, offset: 4, confirmed: false },
      ],
    },
    log: { ...log },
    offset: 4,
  }
}

function observed({ log, offset }: Story): Observed {
  return { logs: [log], offsets: [{ group: 'g', topic: 't', partition: 0, offset }] }
}

function check(told: Story): CheckName[] {
  const { history } = told
  const found = violations(snapshot(history), history, observed(told))
  return [...new Set(found.map((violation) => violation.check))]
}

function without(log: Story['log'], baseOffset: number): readonly StoredBatch[] {
  return log.batches.filter((one) => one.baseOffset !== baseOffset)
}

function transaction(end: TransactionOutcome['end'], acked: boolean): TransactionOutcome {
  return { begun: 0, asked: 0, ended: 0, end, acked }
}

/** Changes a story into a lie. */
type Lie = (told: Story) => void

const LIES: Readonly<Record<CheckName, Readonly<Record<string, Lie>>>> = {
  lost: {
    'an acknowledged record is not there': ({ log }) => {
      log.batches = log.batches.with(1, stored(2, 'b:1', 'b:1'))
    },
    'the last record is gone': ({ log }) => {
      log.batches = log.batches.slice(0, 6)
      log.end = 8
    },
    'it was acknowledged at another offset': ({ history }) => {
      history.producers[0]!.writes[1]!.offset = 3
    },
    'a compacted topic has only an aborted later record of its key': ({ log, history }) => {
      log.kind = 'compacted'
      history.producers[0]!.writes.splice(0, 2, write('a', 0, 0, { key: 'k' }))
      history.producers[2]!.writes[1] = write('t', 1, 6, { transaction: 1, key: 'k' })
      const [aborted] = stored(6, 't:1').records
      log.batches = without(log, 0).with(4, {
        ...stored(6),
        records: [{ ...aborted!, key: 'k' }],
        lastOffset: 6,
      })
      history.readers.length = 0
    },
    'a compacted topic has no later record of its key': ({ log, history }) => {
      log.kind = 'compacted'
      log.batches = without(log, 0)
      history.readers.length = 0
    },
  },
  doubled: {
    'a record of an idempotent producer is there twice': ({ log }) => {
      log.batches = [...log.batches, stored(10, 'a:1')]
      log.end = 11
    },
    'so is one that was sent once': ({ log }) => {
      log.batches = [...log.batches, stored(10, 'b:1')]
      log.end = 11
    },
  },
  reordered: {
    'a pair is swapped': ({ log, history }) => {
      log.batches = log.batches.with(0, stored(0, 'a:1', 'a:0'))
      for (const one of history.producers[0]!.writes) one.offset = -1
    },
  },
  invented: {
    'a record was never sent': ({ log }) => {
      log.batches = [...log.batches, stored(10, 'x:0')]
      log.end = 11
    },
    'a record has another key': ({ log }) => {
      const [first, ...rest] = stored(0, 'a:0', 'a:1').records
      const records = [{ ...first!, key: 'k' }, ...rest]
      log.batches = log.batches.with(0, { ...log.batches[0]!, records })
    },
    'its padding is damaged': ({ log }) => {
      const records = log.batches[0]!.records.map((record) => ({ ...record, whole: false }))
      log.batches = log.batches.with(0, { ...log.batches[0]!, records })
    },
    'a batch is not what its CRC says': ({ log }) => {
      log.batches = log.batches.with(1, { ...log.batches[1]!, crcOk: false })
    },
  },
  gap: {
    'a marker is missing': ({ log }) => {
      log.batches = without(log, 5)
    },
    'the log ends behind its last batch': ({ log }) => {
      log.end = 11
    },
    'the log starts before its first batch': ({ log, history }) => {
      log.batches = without(log, 0)
      log.committed = log.committed.slice(2)
      history.producers.shift()
      history.readers.length = 0
    },
    'batches of a compacted topic overlap': ({ log }) => {
      log.kind = 'compacted'
      log.batches = log.batches.with(3, marker(4))
    },
  },
  unseen: {
    'what a reader was given is another record now': ({ history }) => {
      history.readers[0]!.seen.push({ offset: 4, token: 'r:0' })
    },
    'what a reader was given is gone': ({ history }) => {
      history.producers[0]!.writes.push(write('a', 2, -1))
      history.readers[0]!.seen.push({ offset: 10, token: 'a:2' })
    },
  },
  'aborted-read': {
    'an aborted record is visible': ({ log }) => {
      log.committed = [...log.committed, { token: 't:1', offset: 6 }]
    },
    'so is one whose end nobody asked for': ({ log, history }) => {
      history.producers[2]!.transactions[1] = transaction('none', false)
      log.committed = [...log.committed, { token: 't:1', offset: 6 }]
    },
    'a reader was given an aborted record once': ({ history }) => {
      history.readers[0]!.seen.push({ offset: 6, token: 't:1' })
    },
  },
  torn: {
    'a confirmed transaction is not visible': ({ log }) => {
      log.committed = log.committed.filter(({ token }) => token !== 't:0')
    },
    'an unconfirmed one is visible in part': ({ log, history }) => {
      const producer = history.producers[2]!
      producer.transactions[0] = transaction('commit', false)
      producer.writes.push(write('t', 2, 10, { transaction: 0 }))
      log.batches = [...log.batches, stored(10, 't:2')]
      log.end = 11
    },
    'an unacknowledged record of a confirmed one was never stored': ({ history }) => {
      history.producers[2]!.writes.push(write('t', 2, -1, { transaction: 0 }))
    },
  },
  'offset-back': {
    'the offset is before the confirmed one': (told) => {
      told.offset = 1
      told.history.commits.push({
        group: 'g',
        topic: 't',
        partition: 0,
        offset: 1,
        confirmed: true,
      })
    },
    'the offset is gone': (told) => {
      told.offset = -1
    },
  },
  'offset-invented': {
    'nobody committed the offset': (told) => {
      told.offset = 3
    },
  },
  skipped: {
    'a record behind the offset was given to nobody': ({ history }) => {
      history.readers[0]!.seen.splice(1, 1)
    },
  },
}

describe('The checker of logs', () => {
  test('finds nothing in a true story', () => {
    expect(check(story())).toEqual([])
  })

  for (const [name, lies] of Object.entries(LIES)) {
    for (const [title, lie] of Object.entries(lies)) {
      test(`«${CHECKS[name as CheckName]}»: ${title}`, () => {
        const told = story()
        lie(told)
        expect(check(told)).toContain(name)
      })
    }
  }

  test('allows what may be: a resent record twice, a transaction of unknown end whole or not at all', () => {
    const invisible = story()
    invisible.history.producers[2]!.transactions[0] = transaction('commit', false)
    expect(check(invisible)).toEqual([])
    invisible.log.committed = invisible.log.committed.filter(({ token }) => token !== 't:0')
    expect(check(invisible)).toEqual([])
  })

  test.each<[TopicKind, boolean]>([
    ['compacted', true],
    ['kept', false],
  ])('of a %s topic an older record of a key may be gone: %s', (kind, may) => {
    const told = story()
    told.log.kind = kind
    const keyed = (token: string) => ({ ...stored(0, token).records[0]!, key: 'k' })
    const second = { ...keyed('a:1'), offset: 1 }
    told.history.producers[0]!.writes.splice(
      0,
      2,
      write('a', 0, 0, { key: 'k' }),
      write('a', 1, 1, { key: 'k' }),
    )
    told.log.batches = told.log.batches.with(0, { ...stored(0, 'a:0', 'a:1'), records: [second] })
    expect(check(told).length === 0).toBe(may)
  })

  test('of a compacted topic what may have been aborted may be gone', () => {
    const told = story()
    told.log.kind = 'compacted'
    told.log.batches = without(told.log, 4)
    told.log.committed = told.log.committed.filter(({ token }) => token !== 't:0')
    told.history.producers[2]!.transactions[0] = transaction('commit', false)
    expect(check(told)).toEqual([])
    told.history.producers[2]!.transactions[0] = transaction('commit', true)
    expect(check(told)).toEqual(['lost', 'torn'])
  })

  test('what was acknowledged while the log was read need not be in it', () => {
    const told = story()
    const before = snapshot(told.history)
    told.history.producers[0]!.writes.push(write('a', 2, 10))
    expect(violations(before, told.history, observed(told))).toEqual([])
  })

  test('records below the start of a topic with retention may be gone', () => {
    const told = story()
    told.log.logStart = 2
    told.log.batches = without(told.log, 0)
    told.log.kind = 'retained'
    told.log.committed = told.log.committed.slice(2)
    expect(check(told)).toEqual([])
    told.log.kind = 'kept'
    expect(check(told)).toContain('lost')
  })
})
