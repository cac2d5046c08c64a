import { describe, expect, test } from 'vitest'
import { cpuClock, cpuSecondsIn, objectsIn } from './process-stats.ts'

describe('What the kernel says of a process', () => {
  test('is read behind its name, whatever that is', () => {
    const fields = 'S 1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100'
    expect(cpuSecondsIn(`17 (a) b (c)) ${fields}`)).toBe(3)
  })

  test.runIf(process.platform === 'linux')('tells what is far below its own clock', () => {
    const spent = cpuClock(process.pid)
    const untilMs = performance.now() + 3
    while (performance.now() < untilMs);
    const seconds = spent()
    expect(seconds).toBeGreaterThan(0)
    expect(spent()).toBeGreaterThan(seconds)
  })

  test('counts an object once, by its database and not by the files beside it', () => {
    const id = 'ab'.repeat(32)
    const path = (name: string) => `/data/objects/ottla-${name}`
    const paths = [
      `${path('Partition')}/${id}.sqlite`,
      `${path('Partition')}/${id}.sqlite`,
      `${path('Partition')}/${id}.sqlite-wal`,
      `${path('Partition')}/${id}.sqlite-shm`,
      `${path('Partition')}/${'cd'.repeat(32)}.sqlite`,
      `${path('Cluster')}/${id}.sqlite`,
      `${path('Partition')}/metadata.sqlite`,
      'socket:[17]',
    ]
    expect(objectsIn(paths)).toEqual({ Partition: 2, Cluster: 1 })
  })
})
