import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseFlags } from '../../src/cli/flags.ts'
import type { LocalTls } from '../../src/cli/security.ts'
import type { LocalTier } from '../../src/cli/tier.ts'
import {
  bindings,
  COMPATIBILITY_DATE,
  OBJECTS,
  type WorkerdConfig,
  workerdConfig,
} from '../../src/cli/workerd-config.ts'
import { findWorkerd } from '../../src/cli/workerd-process.ts'
import { readEnvironment } from '../../src/core/env.ts'
import { NO_TENANTS } from '../../src/core/tenants.ts'
import { readMessage } from './message.ts'

const root = resolve(import.meta.dirname, '../..')

function config(tier: LocalTier | null, ...flags: string[]): WorkerdConfig {
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
    webDir: '/web',
    modules: [
      { name: 'index.js', content: Buffer.from('export default {} // é') },
      { name: 'ottla.wasm', content: Buffer.from([0, 1, 2, 255]) },
    ],
    objectsDir: '/d/objects',
    tier,
  }
}

/** The tier's services and bindings in workerd's own language. */
function tierText(tier: LocalTier | null): { services: string; bindings: string } {
  switch (tier?.kind) {
    case 'directory':
      return {
        services: `(name = "tier", disk = (path = "${tier.path}", writable = true)),`,
        bindings: '(name = "OTTLA_TIER_DIRECTORY", service = "tier"),',
      }
    case 's3': {
      const tls = tier.isTls ? ', tlsOptions = (trustBrowserCas = true)' : ''
      const credentials = tier.credentials.map(
        (name) => `(name = "${name}", fromEnvironment = "${name}"),`,
      )
      return {
        services: `(name = "tier", network = (allow = ["public", "private"]${tls})),`,
        bindings: `(name = "OTTLA_TIER_NETWORK", service = "tier"), ${credentials.join(' ')}`,
      }
    }
    case undefined:
      return { services: '', bindings: '' }
  }
}

function tlsText({ key, certificate, clientAuthority }: LocalTls): string {
  const clients =
    clientAuthority === null
      ? ''
      : `, requireClientCerts = true, trustedCertificates = [${JSON.stringify(clientAuthority)}]`
  const keypair = `(privateKey = ${JSON.stringify(key)}, certificateChain = ${JSON.stringify(certificate)})`
  return `tlsOptions = (keypair = ${keypair}${clients})`
}

/** The same configuration in workerd's own language, encoded by workerd. */
function encodedByWorkerd(one: WorkerdConfig): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'ottla-config-'))
  for (const { name, content } of one.modules) writeFileSync(join(folder, name), content)
  const objects = [...OBJECTS]
  const tier = tierText(one.tier)
  const tls = one.tls ? tlsText(one.tls) : ''
  writeFileSync(
    join(folder, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "objects", disk = (path = "/d/objects", writable = true)),
    (name = "web", disk = (path = "/web")),
    (name = "internet", network = (allow = [])),
    ${tier.services}
    ${one.oauth?.network ? `(name = "issuer", network = (allow = ["public", "private"]${one.oauth.network.isTls ? ', tlsOptions = (trustBrowserCas = true)' : ''})),` : ''}
  ],
  sockets = [
    (name = "kafka-0", address = "[::1]:1", tcp = (${tls}), service = "main"),
    (name = "kafka-1", address = "*:2", tcp = (${tls}), service = "main"),
    (name = "http-2", address = "127.0.0.1:4", ${one.tls ? `https = (options = (), ${tls})` : 'http = ()'}, service = "main"),
    (name = "lock", address = "unix:lock", http = (), service = "internet"),
  ],
);
const worker :Workerd.Worker = (
  compatibilityDate = "${COMPATIBILITY_DATE}",
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "ottla.wasm", wasm = embed "ottla.wasm"),
  ],
  durableObjectNamespaces = [
${objects.map(({ className }) => `(className = "${className}", uniqueKey = "ottla-${className}", enableSql = true),`).join('\n')}
  ],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
${objects.map(({ className, binding }) => `(name = "${binding}", durableObjectNamespace = "${className}"),`).join('\n')}
    (name = "FILES", service = "web"),
${Object.entries(bindings(one))
  .map(([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)}),`)
  .join('\n')}
    ${tier.bindings}
    ${one.oauth?.network ? '(name = "OTTLA_OAUTH_NETWORK", service = "issuer"),' : ''}
    ${one.oauth?.keys ? `(name = "OTTLA_OAUTH_KEYS", text = ${JSON.stringify(one.oauth.keys)}),` : ''}
    ${one.hasSecret === true ? '(name = "OTTLA_SECRET", fromEnvironment = "OTTLA_SECRET"),' : ''}
  ],
);
`,
  )
  const workerd = findWorkerd(import.meta.filename)!
  const args = ['compile', '--config-only', join(folder, 'config.capnp')]
  const { stdout, stderr, status } = spawnSync(workerd, args)
  rmSync(folder, { recursive: true })
  if (status !== 0) throw new Error(stderr.toString())
  return stdout
}

describe('the configuration for workerd', () => {
  const credentials = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
  const tiers: Readonly<Record<string, LocalTier | null>> = {
    'no tier': null,
    'a directory': { kind: 'directory', path: '/d/tier' },
    'an S3 server': { kind: 's3', isTls: false, credentials },
    'an S3 server with a certificate': { kind: 's3', isTls: true, credentials },
  }

  it.each(Object.entries(tiers))('is what workerd makes of the same: %s', (_, tier) => {
    const one = config(tier, '--set', 'num.partitions=3', '--log-level', 'debug')
    expect(readMessage(workerdConfig(one))).toEqual(readMessage(encodedByWorkerd(one)))
  })

  it('takes the secret from the environment: it is in no file', () => {
    const one = { ...config(tiers['an S3 server'] ?? null), hasSecret: true }
    expect(readMessage(workerdConfig(one))).toEqual(readMessage(encodedByWorkerd(one)))
  })

  it.each<[string, Partial<WorkerdConfig>]>([
    ['TLS', { tls: { key: 'k\n', certificate: 'c\n', clientAuthority: null } }],
    [
      'certificates of clients',
      { tls: { key: 'k\n', certificate: 'c\n', clientAuthority: 'a\n' } },
    ],
    ['the keys of an issuer', { oauth: { keys: '{"keys":[]}', network: null } }],
    ['the address of an issuer', { oauth: { keys: null, network: { isTls: true } } }],
    ['one in the clear', { oauth: { keys: null, network: { isTls: false } } }],
  ])('is what workerd makes of the same: %s', (_, security) => {
    const one = { ...config(tiers['a directory'] ?? null, '--user', 'root'), ...security }
    expect(readMessage(workerdConfig(one))).toEqual(readMessage(encodedByWorkerd(one)))
  })

  it('keeps the keys of the objects: they are the names of their folders', () => {
    const written = Buffer.from(workerdConfig(config(null))).toString('latin1')
    expect(written.match(/ottla-[A-Z]\w+/g)).toEqual([
      'ottla-Partition',
      'ottla-Cluster',
      'ottla-Group',
      'ottla-Transaction',
      'ottla-Watch',
      'ottla-Statistics',
      'ottla-Tunnel',
      'ottla-Live',
    ])
  })

  it('has the compatibility date and the classes of wrangler.toml', () => {
    const toml = readFileSync(resolve(root, 'wrangler.toml'), 'utf8')
    expect(toml).toContain(`compatibility_date = "${COMPATIBILITY_DATE}"`)
    for (const { className, binding } of OBJECTS) {
      expect(toml).toContain(`[exports.${className}]`)
      expect(toml).toContain(`class_name = "${className}"`)
      expect(toml).toContain(`name = "${binding}"`)
    }
  })
})

describe('the bindings', () => {
  it('say to the Worker what the flags said', () => {
    const written = bindings(
      config(
        null,
        ...['--set', 'num.partitions=3', '--advertised', 'in.example', '--log-level', 'debug'],
        ...['--allow-origin', 'https://a.example', '--allow-host', 'b', '--allow-anonymous'],
      ),
    )
    expect(readEnvironment(written)).toEqual({
      local: true,
      config: { 'num.partitions': '3' },
      tenants: NO_TENANTS,
      advertised: {
        default: { host: 'in.example', port: null },
        listeners: new Map([['*:2', { host: 'out.example', port: 3 }]]),
      },
      allowAnonymous: true,
      allowOrigins: ['https://a.example'],
      allowHosts: ['b'],
      httpListeners: ['127.0.0.1:4'],
      kafkaPort: 1,
      openFiles: null,
      logLevel: 'debug',
      secret: null,
      user: 'admin',
      oauthKeys: null,
    })
  })
})
