import { describe, expect, it } from 'vitest'
import { HELP, parseFlags, type StartOptions } from '../../src/cli/flags.ts'

const DEFAULTS: StartOptions = {
  kafkaPort: 9092,
  httpPort: 8080,
  host: null,
  advertised: null,
  listen: [],
  data: './.ottla',
  config: {},
  allowAnonymous: false,
  allowOrigins: [],
  allowHosts: [],
  logLevel: 'info',
  logJson: false,
  secretFile: null,
  user: null,
  tls: null,
  open: false,
}

type Env = Record<string, string>

describe('ottla verify', () => {
  it.each<[string[], Env, string, boolean]>([
    [[], {}, './.ottla', false],
    [['--data', 'x', '--log-json'], { OTTLA_DATA: 'y' }, 'x', true],
    [[], { OTTLA_DATA: 'y' }, 'y', false],
  ])('%j with %j', (args, env, data, logJson) => {
    expect(parseFlags(['verify', ...args], env)).toEqual({ kind: 'verify', data, logJson })
  })

  it.each([
    [['--data', ''], '--data needs a folder'],
    [['--ephemeral'], 'verify has no --ephemeral'],
    [['--set', 'a=b'], 'verify has no --set'],
    [['more'], 'unexpected argument "more"'],
  ])('refuses %j', (args, reason) => {
    expect(parseFlags(['verify', ...args], {})).toEqual({ kind: 'bad', reason, logJson: false })
  })
})

describe('ottla start', () => {
  it.each<[string[], Env, Partial<StartOptions>]>([
    [[], {}, {}],
    [['--kafka-port', '0', '--http-port=1'], {}, { kafkaPort: 0, httpPort: 1 }],
    [[], { OTTLA_KAFKA_PORT: '1', OTTLA_HTTP_PORT: '2' }, { kafkaPort: 1, httpPort: 2 }],
    [['--kafka-port', '3'], { OTTLA_KAFKA_PORT: 'bad' }, { kafkaPort: 3 }],
    [[], { OTTLA_KAFKA_PORT: '', OTTLA_HOST: '', OTTLA_DATA: '' }, {}],
    [['--host', '::'], {}, { host: '::' }],
    [['--host', '[::1]'], {}, { host: '::1' }],
    [[], { OTTLA_HOST: 'localhost' }, { host: 'localhost' }],
    [['--advertised', 'a.example:1'], { OTTLA_ADVERTISED: 'b' }, { advertised: 'a.example:1' }],
    [[], { OTTLA_ADVERTISED: 'b.example' }, { advertised: 'b.example' }],
    [
      ['--listen', '0.0.0.0:1=a:2', '--listen', '[::1]:3=[fd00::1]:4'],
      {},
      {
        listen: [
          { host: '0.0.0.0', port: 1, advertised: 'a:2' },
          { host: '::1', port: 3, advertised: '[fd00::1]:4' },
        ],
      },
    ],
    [['--data', 'x'], { OTTLA_DATA: 'y' }, { data: 'x' }],
    [[], { OTTLA_DATA: 'y' }, { data: 'y' }],
    [['--ephemeral'], { OTTLA_DATA: 'y' }, { data: null }],
    [['--set', 'a=b=c', '--set', 'd=', '--set', 'd=e'], {}, { config: { a: 'b=c', d: 'e' } }],
    [['--allow-anonymous'], { OTTLA_ALLOW_ANONYMOUS: '0' }, { allowAnonymous: true }],
    [[], { OTTLA_ALLOW_ANONYMOUS: '1' }, { allowAnonymous: true }],
    [
      ['--allow-origin', 'https://a.example', '--allow-origin', '*'],
      {},
      { allowOrigins: ['https://a.example', '*'] },
    ],
    [['--allow-host', 'A.example', '--allow-host', 'b'], {}, { allowHosts: ['a.example', 'b'] }],
    [['--log-level', 'debug', '--log-json'], {}, { logLevel: 'debug', logJson: true }],
    [['--user', 'root'], { OTTLA_USER: 'else' }, { user: 'root' }],
    [[], { OTTLA_USER: 'else' }, { user: 'else' }],
    [
      ['--tls-cert', 'c', '--tls-key', 'k'],
      { OTTLA_TLS_KEY: 'else' },
      { tls: { certificate: 'c', key: 'k', clientAuthority: null } },
    ],
    [
      [],
      { OTTLA_TLS_CERT: 'c', OTTLA_TLS_KEY: 'k', OTTLA_TLS_CLIENT_CA: 'a' },
      { tls: { certificate: 'c', key: 'k', clientAuthority: 'a' } },
    ],
  ])('%j with %j', (args, env, expected) => {
    expect(parseFlags(['start', ...args], env)).toEqual({
      kind: 'start',
      options: { ...DEFAULTS, ...expected },
    })
  })

  it.each<[string[], Env, string]>([
    [['--nope'], {}, "unknown option '--nope'"],
    [['x'], {}, 'unexpected argument "x"'],
    [['--kafka-port', '-1'], {}, "option '--kafka-port' argument is ambiguous"],
    [['--kafka-port', '65536'], {}, '--kafka-port must be a port'],
    [['--http-port', '80a'], {}, '--http-port must be a port'],
    [[], { OTTLA_HTTP_PORT: 'x' }, 'OTTLA_HTTP_PORT must be a port'],
    [['--host', 'a:1'], {}, '--host must be an address or a host name without a port'],
    [['--host', ''], {}, '--host must be an address'],
    [['--advertised', '0.0.0.0:1'], {}, '--advertised must be HOST or HOST:PORT'],
    [['--advertised', 'a:0'], {}, '--advertised must be HOST or HOST:PORT'],
    [['--advertised', 'http://a'], {}, '--advertised must be HOST or HOST:PORT'],
    [['--listen', 'a:1'], {}, '--listen must be HOST:PORT=ADVERTISED'],
    [['--listen', 'a:0=b'], {}, '--listen must be HOST:PORT=ADVERTISED'],
    [['--listen', 'a:1='], {}, '--listen must be HOST:PORT=ADVERTISED'],
    [['--listen', 'a:1=*:2'], {}, '--listen a:1= must be HOST or HOST:PORT'],
    [['--data', ''], {}, '--data needs a folder'],
    [['--data', 'x', '--ephemeral'], {}, '--ephemeral and --data exclude each other'],
    [['--ephemeral=yes'], {}, "option '--ephemeral' does not take an argument"],
    [['--set', 'a'], {}, '--set must be KEY=VALUE'],
    [['--set', '=a'], {}, '--set must be KEY=VALUE'],
    [[], { OTTLA_ALLOW_ANONYMOUS: 'maybe' }, 'OTTLA_ALLOW_ANONYMOUS must be 1 or 0'],
    [['--allow-origin', 'a.example'], {}, '--allow-origin must be an origin'],
    [['--allow-origin', 'https://a.example/'], {}, '--allow-origin must be an origin'],
    [['--allow-host', 'a:1'], {}, '--allow-host must be a name without a port'],
    [['--tls-cert', 'c'], {}, 'TLS needs --tls-cert and --tls-key: --tls-key is missing'],
    [['--tls-client-ca', 'c'], {}, 'TLS needs --tls-cert and --tls-key: --tls-cert is missing'],
    [['--log-level', 'loud'], {}, '--log-level must be one of debug, info, warn, error'],
  ])('refuses %j with %j in one line', (args, env, reason) => {
    const parsed = parseFlags(['start', ...args], env)
    expect(parsed).toMatchObject({ kind: 'bad', reason: expect.stringContaining(reason) })
    expect(JSON.stringify(parsed)).not.toContain('\\n')
  })
})

describe('other command lines', () => {
  it.each([
    [[], 'help'],
    [['--help'], 'help'],
    [['start', '-h'], 'help'],
    [['--version'], 'version'],
    [['stop'], 'bad'],
  ])('%j is %s', (args, kind) => {
    expect(parseFlags(args, {}).kind).toBe(kind)
  })

  it('the help names every flag', () => {
    const flags = Object.keys(DEFAULTS).length
    expect(HELP.match(/^ {2}--[a-z-]+/gm)).toHaveLength(flags + 4)
  })
})
