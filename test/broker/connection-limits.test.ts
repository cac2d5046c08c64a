import { describe, expect, it } from 'vitest'
import {
  connectionLimits,
  excessBeside,
  isBounded,
  OpenConnections,
} from '../../src/broker/connection-limits.ts'

const limits = (values: Readonly<Record<string, string>>) =>
  connectionLimits(async (name) => values[name])

describe('how many connections there may be', () => {
  it('is as many as there are, where nothing is configured', async () => {
    const open = new OpenConnections()
    for (let times = 0; times < 1_000; times++) open.open('/10.0.0.1')
    expect(open.excess(await limits({}), '/10.0.0.1')).toBeNull()
  })

  it('is limited in all and for each address, the one that comes last counted', async () => {
    const configured = await limits({ 'max.connections': '3', 'max.connections.per.ip': '2' })
    const open = new OpenConnections()
    open.open('/10.0.0.1')
    const second = open.open('/10.0.0.1')
    expect(open.excess(configured, '/10.0.0.1')).toBeNull()
    const third = open.open('/10.0.0.1')
    expect(open.excess(configured, '/10.0.0.1')).toContain('max.connections.per.ip')
    third()
    second()
    open.open('/10.0.0.2')
    expect(open.excess(configured, '/10.0.0.2')).toBeNull()
    open.open('/10.0.0.3')
    expect(open.excess(configured, '/10.0.0.3')).toBeNull()
    open.open('/10.0.0.4')
    expect(open.excess(configured, '/10.0.0.4')).toContain('(max.connections)')
    expect(open.total).toBe(4)
  })

  it('is another for addresses that are named, however they are spelt', async () => {
    const configured = await limits({
      'max.connections.per.ip': '1',
      'max.connections.per.ip.overrides': ' ::1:2, 10.0.0.9:0 ,nonsense,host:x',
    })
    const open = new OpenConnections()
    open.open('/0:0:0:0:0:0:0:1')
    open.open('/::1')
    expect(open.excess(configured, '/::1')).toBeNull()
    open.open('/::1')
    expect(open.excess(configured, '/::1')).toContain('more than 2')
    open.open('/10.0.0.9')
    expect(open.excess(configured, '/10.0.0.9')).toContain('more than 0')
  })
})

describe('one more tunnel', () => {
  const limits = {
    total: 4,
    perAddress: 2,
    overrides: new Map([['10.0.0.9', 2 ** 31 - 1]]),
  }

  it('is too many beside those of its address, and beside all', () => {
    const others = ['/10.0.0.1', '/10.0.0.2']
    expect(excessBeside(others, limits, '/10.0.0.1')).toBeNull()
    expect(excessBeside([...others, '/::ffff:10.0.0.1'], limits, '/10.0.0.1')).toContain('per.ip')
    expect(excessBeside([...others, ...others], limits, '/10.0.0.3')).toContain('max.connections)')
  })

  it('of an address without a bound is counted nowhere', () => {
    expect(isBounded(limits, '10.0.0.1')).toBe(true)
    expect(isBounded(limits, '10.0.0.9')).toBe(false)
  })
})
