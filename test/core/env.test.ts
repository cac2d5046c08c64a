import { describe, expect, it } from 'vitest'
import {
  advertisedEndpoint,
  isLoopback,
  parseAddress,
  readEnvironment,
} from '../../src/core/env.ts'
import { NO_TENANTS } from '../../src/core/tenants.ts'

describe('the settings of the Worker', () => {
  it('are closed, quiet and empty when nothing is set', () => {
    expect(readEnvironment({ PARTITION: {}, CLUSTER: {} })).toEqual({
      local: false,
      config: {},
      tenants: NO_TENANTS,
      advertised: { default: null, listeners: new Map() },
      allowAnonymous: false,
      allowOrigins: [],
      allowHosts: [],
      httpListeners: [],
      kafkaPort: null,
      openFiles: null,
      logLevel: 'info',
      secret: null,
      user: 'admin',
      oauthKeys: null,
    })
  })

  it('are read from text and from JSON values alike', () => {
    const parsed = {
      local: true,
      config: { 'num.partitions': '3' },
      allowHosts: ['a', 'b'],
      advertised: { default: { host: 'a', port: 1 }, listeners: new Map() },
    }
    const texts = { CONFIG: '{"num.partitions":3}', ALLOW_HOSTS: 'a, b', ADVERTISED: 'a:1' }
    const values = { CONFIG: { 'num.partitions': 3 }, ALLOW_HOSTS: ['a', 'b'] }
    expect(readEnvironment({ OTTLA_LOCAL: '1', ...named(texts) })).toMatchObject(parsed)
    const withValues = {
      OTTLA_LOCAL: true,
      ...named({ ...values, ADVERTISED: { default: 'a:1' } }),
    }
    expect(readEnvironment(withValues)).toMatchObject(parsed)
  })

  it.each([
    ['OTTLA_CONFIG', '{'],
    ['OTTLA_CONFIG', '[]'],
    ['OTTLA_ALLOW_HOSTS', '[1]'],
    ['OTTLA_ADVERTISED', '0.0.0.0'],
    ['OTTLA_ADVERTISED', '{"listeners":{"a:1":2}}'],
    ['OTTLA_LOG_LEVEL', 'loud'],
    ['OTTLA_SECRET', 1],
  ])('%s=%s is an error that names the variable', (name, value) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(name)
  })

  it.each(['0', '', 'no', false, null])('%j opens nothing', (value) => {
    expect(readEnvironment({ OTTLA_ALLOW_ANONYMOUS: value }).allowAnonymous).toBe(false)
  })
})

describe('the advertised endpoint', () => {
  const listeners = '"[::1]:2":"six","0.0.0.0:3":"any.example:30","*:4":"star"'
  const configured = readEnvironment({
    OTTLA_ADVERTISED: `{"default":"all.example","listeners":{${listeners}}}`,
  }).advertised
  const none = readEnvironment({}).advertised

  it.each([
    [none, '127.0.0.1:9092', { host: '127.0.0.1', port: 9092 }],
    [none, '[::1]:9092', { host: '::1', port: 9092 }],
    [none, '[::ffff:192.0.2.1]:9092', { host: '192.0.2.1', port: 9092 }],
    [none, '0.0.0.0:9092', null],
    [none, '*:9092', null],
    [none, undefined, null],
    [configured, '127.0.0.1:1', { host: 'all.example', port: 1 }],
    [configured, '[::1]:2', { host: 'six', port: 2 }],
    [configured, '127.0.0.1:3', { host: 'any.example', port: 30 }],
    [configured, '0.0.0.0:3', { host: 'any.example', port: 30 }],
    [configured, '*:4', { host: 'star', port: 4 }],
    [configured, undefined, null],
  ])('%# of a connection to %s is %j', (advertised, local, expected) => {
    expect(advertisedEndpoint(advertised, local)).toEqual(expected)
  })
})

describe('an address', () => {
  it.each([
    ['a.example', { host: 'a.example', port: null }],
    ['a.example:1', { host: 'a.example', port: 1 }],
    ['[::1]:1', { host: '::1', port: 1 }],
    ['[::1]', { host: '::1', port: null }],
    ['fd00::1', { host: 'fd00::1', port: null }],
    ['*:1', { host: '*', port: 1 }],
    ['a:65536', null],
    ['a:b', null],
    ['a b', null],
    ['http://a', null],
    ['', null],
  ])('%j', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected)
  })

  it('is loopback only where this machine alone reaches it', () => {
    const loopback = ['localhost', 'LOCALHOST', 'a.localhost', '127.0.0.1', '127.9.9.9', '::1']
    expect(loopback.filter((host) => !isLoopback(host))).toEqual([])
    const others = ['127.0.0.1.example', '0.0.0.0', '::', '10.0.0.1', 'localhost.example', '']
    expect(others.filter(isLoopback)).toEqual([])
  })
})

function named(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`OTTLA_${name}`, value]))
}
