import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseFlags } from '../../src/cli/flags.ts'
import {
  bindings,
  COMPATIBILITY_DATE,
  text,
  type WorkerdConfig,
  workerdConfig,
} from '../../src/cli/workerd-config.ts'
import { readEnvironment } from '../../src/core/env.ts'

const root = resolve(import.meta.dirname, '../..')

function config(...flags: string[]): WorkerdConfig {
  const parsed = parseFlags(['start', ...flags], {})
  if (parsed.kind !== 'start') throw new Error(JSON.stringify(parsed))
  return {
    options: parsed.options,
    listeners: {
      all: [
        {
          name: 'kafka-0',
          protocol: 'kafka',
          host: '::1',
          port: 1,
          advertised: null,
          portChosen: false,
        },
        {
          name: 'kafka-1',
          protocol: 'kafka',
          host: '*',
          port: 2,
          advertised: 'out.example:3',
          portChosen: false,
        },
        {
          name: 'http-2',
          protocol: 'http',
          host: '127.0.0.1',
          port: 4,
          advertised: null,
          portChosen: false,
        },
      ],
      kafka: '',
      http: '',
      httpAddresses: ['127.0.0.1:4'],
    },
    workerDir: '/w',
    assetWorker: '/a/index.js',
    webDir: '/web',
    modules: ['index.js', 'ottla.wasm'],
    objectsDir: '/d/objects',
  }
}

describe('the configuration for workerd', () => {
  it('has a socket per listener, and the lock', () => {
    const sockets = workerdConfig(config()).match(/address = "[^"]*", \w+/g)
    expect(sockets).toEqual([
      'address = "[::1]:1", tcp',
      'address = "*:2", tcp',
      'address = "127.0.0.1:4", http',
      'address = "unix:lock", http',
    ])
  })

  it('names every module as the bundle does, the entry first', () => {
    const modules = workerdConfig(config()).match(
      /name = "[^"]*", (wasm|esModule) = embed "[^"]*"/g,
    )
    expect(modules).toEqual([
      'name = "assets.js", esModule = embed "/a/index.js"',
      'name = "index.js", esModule = embed "/w/index.js"',
      'name = "ottla.wasm", wasm = embed "/w/ottla.wasm"',
    ])
  })

  it('keeps the keys of the objects: they are the names of their folders', () => {
    expect(workerdConfig(config()).match(/uniqueKey = "[^"]*"/g)).toEqual([
      'uniqueKey = "ottla-Partition"',
      'uniqueKey = "ottla-Cluster"',
      'uniqueKey = "ottla-Group"',
      'uniqueKey = "ottla-Transaction"',
    ])
  })

  it('has the compatibility date and the classes of wrangler.toml', () => {
    const toml = readFileSync(resolve(root, 'wrangler.toml'), 'utf8')
    expect(toml).toContain(`compatibility_date = "${COMPATIBILITY_DATE}"`)
    for (const [, name] of workerdConfig(config()).matchAll(/className = "(\w+)"/g)) {
      expect(toml).toContain(`[exports.${name}]`)
      expect(toml).toContain(`class_name = "${name}"`)
    }
  })
})

describe('the bindings', () => {
  it('say to the Worker what the flags said', () => {
    const written = bindings(
      config(
        ...['--set', 'num.partitions=3', '--advertised', 'in.example', '--log-level', 'debug'],
        ...['--allow-origin', 'https://a.example', '--allow-host', 'b', '--allow-anonymous'],
      ),
    )
    expect(readEnvironment(written)).toEqual({
      local: true,
      config: { 'num.partitions': '3' },
      advertised: {
        default: { host: 'in.example', port: null },
        listeners: new Map([['*:2', { host: 'out.example', port: 3 }]]),
      },
      allowAnonymous: true,
      allowOrigins: ['https://a.example'],
      allowHosts: ['b'],
      httpListeners: ['127.0.0.1:4'],
      logLevel: 'debug',
      secret: null,
    })
  })
})

describe("a Cap'n Proto text", () => {
  it.each([
    ['plain é', '"plain é"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['a\nb\x7f', '"a\\x0ab\\x7f"'],
    ['\u0085', '"\u0085"'],
  ])('%j', (value, literal) => {
    expect(text(value)).toBe(literal)
  })
})
