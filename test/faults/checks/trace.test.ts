// The reader of traces finds a reply that leaves before its sync, however little too early.

import { describe, expect, test } from 'vitest'
import { coverOf, readTrace } from './trace.ts'

const LOG = '48</data/objects/ottla-Partition/43eb.sqlite-wal>'
const OTHER = '49</data/objects/ottla-Cluster/cc60.sqlite-wal>'
const SOCKET = '4<TCP:[127.0.0.1:32589->127.0.0.1:43032]>'
const WRITE = `17 pwrite64(${LOG}, "\\0\\0ab)c, \\"d\\"", 24, 49472) = 24`
const SYNC = `17 fsync(${LOG})        = 0`
const REPLY = `17 sendto(${SOCKET}, "\\0\\0\\0000", 52, MSG_NOSIGNAL, NULL, 0) = 52`
const OTHER_REPLY = REPLY.replace('43032', '43033')

function cover(...lines: string[]) {
  const { replies, early } = coverOf(readTrace(lines.join('\n')), {
    folder: '/ottla-Partition/',
    port: 43_032,
  })
  return { replies, early: early.length }
}

describe('A trace of system calls', () => {
  test('shows replies behind their syncs', () => {
    const round = [WRITE, WRITE, SYNC, REPLY]
    expect(cover(...round, ...round, REPLY)).toEqual({ replies: 2, early: 0 })
  })

  test.each([
    ['no sync', [WRITE, REPLY]],
    ['a sync behind the reply', [WRITE, REPLY, SYNC]],
    ['a sync before the last write', [WRITE, SYNC, WRITE, REPLY]],
    ['a sync of another file', [WRITE, SYNC.replace(LOG, OTHER), REPLY]],
    [
      'a sync that had begun before the last write',
      [
        `17 fsync(${LOG} <unfinished ...>`,
        WRITE.replace('17', '18'),
        '17 <... fsync resumed>) = 0',
        REPLY,
      ],
    ],
    [
      'a sync that has not returned',
      [
        WRITE,
        `17 fsync(${LOG} <unfinished ...>`,
        REPLY.replace('17', '18'),
        '17 <... fsync resumed>) = 0',
      ],
    ],
  ])('shows a reply that leaves early: %s', (_, lines) => {
    expect(cover(...lines)).toEqual({ replies: 1, early: 1 })
  })

  test('tells connections and files apart', () => {
    expect(cover(WRITE, OTHER_REPLY, SYNC, REPLY)).toEqual({ replies: 1, early: 0 })
    expect(cover(WRITE.replace(LOG, OTHER), REPLY)).toEqual({ replies: 0, early: 0 })
  })
})
