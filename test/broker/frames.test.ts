import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BytePool, memoryBudget } from '../../src/broker/budget.ts'
import { CloseConnection } from '../../src/broker/context.ts'
import { FrameReader } from '../../src/broker/frames.ts'
import { FREE_FRAME_BYTES, SMALL_BYTES, STALLED_CONNECTION_MS } from '../../src/core/limits.ts'
import { timers } from './fakes.ts'

const MAX = 4 * 1024 * 1024

function framed(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + body.length)
  new DataView(bytes.buffer).setInt32(0, body.length)
  bytes.set(body, 4)
  return bytes
}

function sizeOnly(size: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setInt32(0, size)
  return bytes
}

describe('frames', () => {
  it('come out whole and in order however the stream is cut', async () => {
    const body = fc.uint8Array({ minLength: 8, maxLength: 5_000 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(body, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 4_000 })),
        async (bodies, cuts) => {
          const stream = Buffer.concat(bodies.map(framed))
          const budget = memoryBudget()
          const reader = new FrameReader(budget, timers, MAX)
          const got: Uint8Array[] = []
          const start = (frame: { bytes: Uint8Array; memory: { release(): void } | null }) => {
            got.push(frame.bytes.slice())
            frame.memory?.release()
            return undefined
          }
          let at = 0
          for (const cut of cuts) {
            await reader.feed(stream.subarray(at, at + cut), start)
            at = Math.min(stream.length, at + cut)
          }
          await reader.feed(stream.subarray(at), start)
          expect(got.map((bytes) => Buffer.from(bytes))).toEqual(bodies.map((b) => Buffer.from(b)))
          expect(reader.heldBytes).toBe(0)
          expect(budget.smallFrames.used).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })

  it.each([
    ['negative', -1],
    ['smaller than a header', 7],
    ['over socket.request.max.bytes', MAX + 1],
    ['"GET " read as a size', 0x47455420],
    ['a TLS record read as a size', 0x16030100],
  ])('a size that is %s closes the connection before anything is allocated', async (_, size) => {
    const budget = memoryBudget()
    const reader = new FrameReader(budget, timers, MAX)
    await expect(reader.feed(sizeOnly(size), () => undefined)).rejects.toThrow(CloseConnection)
    expect(budget.largeFrames.used + budget.smallFrames.used).toBe(0)
  })

  it('an incomplete frame is counted, and given back when the connection closes', async () => {
    const budget = memoryBudget()
    const reader = new FrameReader(budget, timers, MAX)
    await reader.feed(sizeOnly(FREE_FRAME_BYTES + 1), () => undefined)
    expect(budget.smallFrames.used).toBe(FREE_FRAME_BYTES + 1)
    reader.close()
    expect(budget.smallFrames.used).toBe(0)
  })

  it('held bytes fed to a new reader continue the frame', async () => {
    const body = Uint8Array.from({ length: 100 }, (_, i) => i)
    const first = new FrameReader(memoryBudget(), timers, MAX)
    await first.feed(framed(body).subarray(0, 60), () => undefined)
    const second = new FrameReader(memoryBudget(), timers, MAX)
    const got: Uint8Array[] = []
    const start = (frame: { bytes: Uint8Array }) => {
      got.push(frame.bytes.slice())
      return undefined
    }
    await second.feed(first.held(), start)
    await second.feed(framed(body).subarray(60), start)
    expect(got).toEqual([body])
  })

  it('a second large frame waits until the first gives its memory back', async () => {
    const budget = { ...memoryBudget(), largeFrames: new BytePool(SMALL_BYTES + 1) }
    const first = new FrameReader(budget, timers, MAX)
    const second = new FrameReader(budget, timers, MAX)
    await first.feed(sizeOnly(SMALL_BYTES + 1), () => undefined)
    let fed = false
    const waiting = second
      .feed(sizeOnly(SMALL_BYTES + 1), () => undefined)
      .then(() => {
        fed = true
      })
    await timers.sleep(20)
    expect(fed).toBe(false)
    expect(budget.largeFrames.contended).toBe(true)
    first.close()
    await waiting
    expect(budget.largeFrames.used).toBe(SMALL_BYTES + 1)
  })

  it('a frame that does not arrive is stalled only while another connection waits for memory', async () => {
    let nowMs = 0
    const clock = { ...timers, now: () => nowMs }
    const budget = { ...memoryBudget(), smallFrames: new BytePool(10_000) }
    const reader = new FrameReader(budget, clock, MAX)
    await reader.feed(sizeOnly(10_000), () => undefined)
    nowMs = STALLED_CONNECTION_MS * 2
    expect(reader.stalled).toBe(false)
    let gone = false
    const other = budget.smallFrames.reserve(5_000, timers.sleep, () => gone)
    expect(reader.stalled).toBe(true)
    gone = true
    expect(await other).toBeNull()
  })
})

describe('a byte pool', () => {
  it('serves waiters in the order they came', async () => {
    const pool = new BytePool(10)
    const first = pool.tryReserve(10)
    const order: number[] = []
    const waiters = [6, 3, 8].map(async (bytes, index) => {
      const got = await pool.reserve(bytes, timers.sleep)
      order.push(index)
      got?.release()
    })
    first?.release()
    await Promise.all(waiters)
    expect(order).toEqual([0, 1, 2])
    expect(pool.used).toBe(0)
  })

  it('a release is counted once', () => {
    const pool = new BytePool(10)
    const a = pool.tryReserve(4)
    const b = pool.tryReserve(4)
    a?.release()
    a?.release()
    expect(pool.used).toBe(4)
    b?.shrink(1)
    expect(pool.used).toBe(1)
    b?.release()
    expect(pool.used).toBe(0)
  })
})
