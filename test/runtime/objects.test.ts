// The wrapper of all calls to objects: order, disposal, a fresh stub after a failure.

import { describe, expect, it } from 'vitest'
import { type TopicId, ZERO_TOPIC_ID } from '../../src/core/ids.ts'
import { OBJECTS_REACHED } from '../../src/core/limits.ts'
import { ObjectCallError, objects } from '../../src/runtime/objects.ts'

function bench(answer: (call: string) => unknown) {
  const calls: string[] = []
  let stubs = 0
  const namespace = (kind: string) => ({
    getByName(name: string) {
      const stub = ++stubs
      const method = (what: string) => async () => {
        const call = `${kind} ${name} ${what} on ${stub}`
        calls.push(call)
        return answer(call)
      }
      return { size: method('size'), clusterId: method('clusterId') }
    },
  })
  const env = {
    PARTITION: namespace('partition'),
    CLUSTER: namespace('cluster'),
    GROUP: namespace('group'),
    TRANSACTION: namespace('transaction'),
    WATCH: namespace('watch'),
    STATISTICS: namespace('statistics'),
  }
  return { calls, env }
}

const TARGET = { topicId: ZERO_TOPIC_ID, partition: 3 }

describe('objects', () => {
  it('asks each object through one stub', async () => {
    const { calls, env } = bench(() => 'x')
    const reach = objects(env)
    expect(reach.partition(ZERO_TOPIC_ID, 3)).toBe(reach.partition(ZERO_TOPIC_ID, 3))
    await reach.partition(ZERO_TOPIC_ID, 3).size(TARGET)
    await reach.partition(ZERO_TOPIC_ID, 3).size(TARGET)
    await reach.cluster.clusterId()
    await reach.partition('b' as TopicId, 0).size(TARGET)
    expect(calls).toEqual([
      `partition main/topic/${ZERO_TOPIC_ID}/3 size on 1`,
      `partition main/topic/${ZERO_TOPIC_ID}/3 size on 1`,
      'cluster main/cluster clusterId on 2',
      'partition main/topic/b/0 size on 3',
    ])
  })

  it('sends a call in the turn it is made', () => {
    const { calls, env } = bench(() => 'x')
    void objects(env).cluster.clusterId()
    expect(calls).toHaveLength(1)
  })

  it('disposes of results', async () => {
    let disposed = 0
    const { env } = bench(() => ({ error: 0, [Symbol.dispose]: () => disposed++ }))
    expect(await objects(env).partition(ZERO_TOPIC_ID, 3).size(TARGET)).toMatchObject({ error: 0 })
    expect(disposed).toBe(1)
  })

  it('says what kind of failure it was and takes a fresh stub for the next call', async () => {
    let fails = true
    const { calls, env } = bench(() => {
      if (fails) throw Object.assign(new Error('broken'), { retryable: true })
      return 'x'
    })
    const { cluster } = objects(env)
    const results = await Promise.allSettled([cluster.clusterId(), cluster.clusterId()])
    for (const result of results) {
      const reason = result.status === 'rejected' ? result.reason : null
      expect(reason).toBeInstanceOf(ObjectCallError)
      expect(reason).toMatchObject({
        message: 'broken',
        retryable: true,
        overloaded: false,
        remote: false,
      })
    }
    fails = false
    await cluster.clusterId()
    await cluster.clusterId()
    expect(calls.map((call) => call.at(-1))).toEqual(['1', '1', '2', '2'])
  })

  it('keeps a bounded number that nobody is asking, and all that somebody is', async () => {
    let answer = (_: unknown) => {}
    const { env } = bench((call) =>
      call.includes('/busy/') ? new Promise((resolve) => (answer = resolve)) : 'x',
    )
    const reach = objects(env)
    const busy = reach.partition('busy' as TopicId, 0)
    const asked = busy.size(TARGET)
    const idle = reach.partition('idle' as TopicId, 0)
    await idle.size(TARGET)
    for (let index = 0; index < 2 * OBJECTS_REACHED; index++) {
      reach.transaction(`id-${index}`)
    }
    expect(reach.partition('busy' as TopicId, 0)).toBe(busy)
    expect(reach.partition('idle' as TopicId, 0)).not.toBe(idle)
    answer('x')
    await asked
    for (let index = 0; index < 2 * OBJECTS_REACHED; index++) reach.group(`id-${index}`)
    expect(reach.partition('busy' as TopicId, 0)).not.toBe(busy)
  })

  it.each([
    ['database or disk is full: SQLITE_FULL', true],
    ['disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_WRITE)', true],
    ['UNIQUE constraint failed: SQLITE_CONSTRAINT', false],
    ['the object was reset', false],
  ])('tells a disk that is full or broken by what the platform says: %s', (message, told) => {
    expect(new ObjectCallError(new Error(message)).storageFailed).toBe(told)
  })
})
