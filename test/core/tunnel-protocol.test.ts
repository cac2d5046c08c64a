import { describe, expect, it } from 'vitest'
import { formatAck, parseAck, SendWindow, UsedBytes } from '../../src/core/tunnel-protocol.ts'

describe('an ack', () => {
  it.each([0, 1, 65_536, 999_999_999_999_999])('of %d bytes is read as it was written', (bytes) => {
    expect(parseAck(formatAck(bytes))).toBe(bytes)
  })

  it.each(['', 'ack', 'ack ', 'ack -1', 'ack 1.5', 'ack 1e3', 'ACK 1', ' ack 1', 'ack 1 ', 'ping'])(
    'is not %j',
    (text) => expect(parseAck(text)).toBeNull(),
  )

  it('is not a number that JavaScript cannot count to', () => {
    expect(parseAck('ack 9007199254740993')).toBeNull()
  })
})

describe('a window', () => {
  it('has room for what is not sent or is acknowledged', () => {
    const window = new SendWindow(100)
    window.send(70)
    expect(window.room).toBe(30)
    expect(window.ack(50)).toBe(true)
    expect(window.room).toBe(80)
    window.send(80)
    expect(window.room).toBe(0)
  })

  it('believes no ack of what was not sent, nor one that goes back', () => {
    const window = new SendWindow(100)
    window.send(10)
    expect(window.ack(11)).toBe(false)
    expect(window.ack(10)).toBe(true)
    expect(window.ack(9)).toBe(false)
    expect(window.room).toBe(100)
  })

  it('goes on where it was', () => {
    expect(new SendWindow(100, 1_000, 950).room).toBe(50)
  })
})

describe('what was used', () => {
  it('is said when enough of it is new, all of it', () => {
    const used = new UsedBytes(100)
    expect(used.use(99)).toBeNull()
    expect(used.use(11)).toBe('ack 110')
    expect(used.use(99)).toBeNull()
    expect(used.use(1)).toBe('ack 210')
  })

  it('is counted on from where it was', () => {
    expect(new UsedBytes(100, 250, 200).use(50)).toBe('ack 300')
  })

  it('never lets a window of twice that stand still', () => {
    const window = new SendWindow(200)
    const used = new UsedBytes(100)
    for (let turn = 0; turn < 1_000; turn++) {
      const size = Math.min(window.room, 1 + ((turn * 37) % 90))
      expect(size).toBeGreaterThan(0)
      window.send(size)
      const ack = used.use(size)
      if (ack !== null) window.ack(parseAck(ack) ?? -1)
    }
  })
})
