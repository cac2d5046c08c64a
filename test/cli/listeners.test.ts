import { describe, expect, it } from 'vitest'
import { parseFlags } from '../../src/cli/flags.ts'
import { type Machine, planListeners, thisMachine } from '../../src/cli/listeners.ts'

/** A machine with one network card; ports are handed out from 50000. */
function machine(addresses = ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::7']): Machine {
  let next = 50_000
  return {
    addresses,
    resolve: async (name) => {
      if (name === 'here.example') return ['192.0.2.7']
      if (name === 'loop.example') return ['127.0.1.1', '127.0.1.1']
      throw new Error('ENOTFOUND')
    },
    anyPort: () => next++,
  }
}

async function plan(flags: string, on = machine(), isSecured = false) {
  const parsed = parseFlags(['start', ...flags.split(' ').filter((flag) => flag !== '')], {})
  if (parsed.kind !== 'start') throw new Error(JSON.stringify(parsed))
  const result = await planListeners(parsed.options, on, isSecured)
  if (result.kind === 'refused') return result.reason
  const { all, kafka, http, httpAddresses } = result.listeners
  return {
    sockets: all.map((each) => `${each.protocol} ${each.host} ${each.port}`),
    told: all.flatMap((each) => each.advertised ?? []),
    ready: `${kafka} ${http}`,
    httpAddresses,
  }
}

describe('listeners', () => {
  it('are both loopbacks, and one where there is no ::1', async () => {
    expect(await plan('')).toEqual({
      sockets: ['kafka 127.0.0.1 9092', 'kafka ::1 9092', 'http 127.0.0.1 8080', 'http ::1 8080'],
      told: [],
      ready: '127.0.0.1:9092 127.0.0.1:8080',
      httpAddresses: ['127.0.0.1:8080', '[::1]:8080'],
    })
    const v4 = await plan('', machine(['127.0.0.1', '192.0.2.7']))
    expect(v4).toMatchObject({ sockets: ['kafka 127.0.0.1 9092', 'http 127.0.0.1 8080'] })
  })

  it('take a port for 0, the same on every address', async () => {
    expect(await plan('--kafka-port 0 --http-port 0')).toMatchObject({
      sockets: [
        ...['kafka 127.0.0.1 50000', 'kafka ::1 50000'],
        ...['http 127.0.0.1 50001', 'http ::1 50001'],
      ],
      ready: '127.0.0.1:50000 127.0.0.1:50001',
    })
  })

  it('spread a wildcard for Kafka, so that each client can be told the address it came to', async () => {
    expect(await plan('--host 0.0.0.0 --allow-anonymous')).toEqual({
      sockets: ['kafka 127.0.0.1 9092', 'kafka 192.0.2.7 9092', 'http 0.0.0.0 8080'],
      told: [],
      ready: '127.0.0.1:9092 127.0.0.1:8080',
      httpAddresses: ['127.0.0.1:8080', '192.0.2.7:8080'],
    })
    expect(await plan('--host :: --allow-anonymous')).toMatchObject({
      sockets: [
        ...['kafka 127.0.0.1 9092', 'kafka ::1 9092'],
        ...['kafka 192.0.2.7 9092', 'kafka 2001:db8::7 9092', 'http * 8080'],
      ],
    })
  })

  it('keep the wildcard where clients are told something else anyway', async () => {
    const flags = '--host 0.0.0.0 --advertised a --listen [::]:9093=b:1 --allow-anonymous'
    expect(await plan(flags)).toMatchObject({
      sockets: ['kafka 0.0.0.0 9092', 'kafka * 9093', 'http 0.0.0.0 8080'],
      told: ['b:1'],
    })
  })

  it.each([
    ['--host 0.0.0.0', '0.0.0.0'],
    ['--host here.example', 'here.example'],
    ['--host 192.0.2.7', '192.0.2.7'],
    ['--listen [::]:9093=b:1', '::'],
  ])('%s is beyond loopback and needs a first user or --allow-anonymous', async (flags, host) => {
    expect(await plan(flags)).toBe(
      `listening on ${host}, beyond loopback, needs a first user or --allow-anonymous: OTTLA_SECRET="$(openssl rand -hex 24)" npx ottla start --host ${host}`,
    )
    expect(await plan(flags, machine(), true)).toBeTypeOf('object')
    expect(await plan(`${flags} --allow-anonymous`)).toBeTypeOf('object')
  })

  it.each(['localhost', '127.0.0.9', '::1', 'loop.example'])('%s is loopback', async (host) => {
    expect(await plan(`--host ${host}`)).toBeTypeOf('object')
  })

  it('refuse a name without an address and an address asked for twice', async () => {
    expect(await plan('--host no.example')).toBe('the host name "no.example" has no address')
    expect(await plan('--http-port 9092')).toBe('127.0.0.1:9092 is asked for twice')
    expect(await plan('--listen 127.0.0.1:9092=a')).toBe('127.0.0.1:9092 is asked for twice')
  })
})

describe('this machine', () => {
  it('knows its loopback and gives ports below those of outgoing connections', () => {
    const { addresses, anyPort } = thisMachine()
    expect(addresses).toContain('127.0.0.1')
    const ports = Array.from({ length: 200 }, () => anyPort())
    expect(ports.filter((port) => port < 20_000 || port > 32_767)).toEqual([])
    expect(new Set(ports).size).toBeGreaterThan(100)
  })
})
