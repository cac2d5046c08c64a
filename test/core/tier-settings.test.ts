import { describe, expect, it } from 'vitest'
import { brokerConfig } from '../../src/core/broker-configs.ts'
import { TierSetting, tierSettings } from '../../src/core/tier-settings.ts'

const S3 = { 'ottla.tier.s3.endpoint': 'https://s3.example.com', 'ottla.tier.s3.bucket': 'logs' }

describe('the settings of the tier', () => {
  it('are none where nothing is set', () => {
    expect(tierSettings({})).toEqual({ tier: null })
    expect(tierSettings({ 'ottla.tier.dir': '', 'num.partitions': '3' })).toEqual({ tier: null })
  })

  it('name a directory', () => {
    expect(tierSettings({ 'ottla.tier.dir': 'a/b' })).toEqual({
      tier: { kind: 'directory', path: 'a/b' },
    })
  })

  it('name a bucket, with a region where none is given', () => {
    expect(tierSettings(S3)).toEqual({
      tier: {
        kind: 's3',
        endpoint: 'https://s3.example.com',
        bucket: 'logs',
        region: 'us-east-1',
        prefix: '',
      },
    })
  })

  it.each([
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
    ['http://127.0.0.1:9000/', 'http://127.0.0.1:9000'],
    ['https://[::1]:9000', 'https://[::1]:9000'],
    ['HTTPS://S3.Example.com:443', 'https://s3.example.com'],
  ])('take the origin %s', (endpoint, origin) => {
    const settings = tierSettings({ ...S3, 'ottla.tier.s3.endpoint': endpoint })
    expect(settings).toMatchObject({ tier: { endpoint: origin } })
  })

  it.each([
    ['one', 'one/'],
    ['one/two', 'one/two/'],
    ['one/two/', 'one/two/'],
    ['', ''],
  ])('take the prefix %j', (prefix, path) => {
    const settings = tierSettings({ ...S3, 'ottla.tier.s3.prefix': prefix })
    expect(settings).toMatchObject({ tier: { prefix: path } })
  })

  const endpoint = 'ottla.tier.s3.endpoint must be an origin such as https://s3.example.com'
  const refused: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [
      { 'ottla.tier.dir': 'a', ...S3 },
      'ottla.tier.dir and ottla.tier.s3.endpoint exclude each other',
    ],
    [{ 'ottla.tier.s3.bucket': 'logs' }, 'ottla.tier.s3.bucket needs ottla.tier.s3.endpoint'],
    [{ 'ottla.tier.s3.region': 'eu' }, 'ottla.tier.s3.region needs ottla.tier.s3.endpoint'],
    [
      { 'ottla.tier.dir': 'a', 'ottla.tier.s3.prefix': 'x' },
      'ottla.tier.s3.prefix needs ottla.tier.s3.endpoint',
    ],
    [{ ...S3, 'ottla.tier.s3.bucket': '' }, 'ottla.tier.s3.endpoint needs ottla.tier.s3.bucket'],
    [
      { ...S3, 'ottla.tier.s3.bucket': 'a/b' },
      'ottla.tier.s3.bucket is no name of a bucket: "a/b"',
    ],
    [
      { ...S3, 'ottla.tier.s3.region': 'a b' },
      'ottla.tier.s3.region is no name of a region: "a b"',
    ],
    ...['/a', 'a//b', '../a', 'a/.b', 'a?', 'ä', 'a'.repeat(257)].map(
      (prefix) =>
        [
          { ...S3, 'ottla.tier.s3.prefix': prefix },
          `ottla.tier.s3.prefix may have letters, digits, ".", "_", "-" and "/": "${prefix}"`,
        ] as const,
    ),
    ...[
      's3.example.com',
      'ftp://s3.example.com',
      'https://s3.example.com/bucket',
      'https://s3.example.com?x',
      'https://s3.example.com#x',
      'https://user:password@s3.example.com',
    ].map((bad) => [{ ...S3, 'ottla.tier.s3.endpoint': bad }, endpoint] as const),
  ]
  it.each(refused)('are refused: %j', (config, error) => {
    expect(tierSettings(config)).toEqual({ error })
  })

  it('are configurations of the broker, set at its start', () => {
    for (const name of Object.values(TierSetting)) {
      expect(brokerConfig(name), name).toMatchObject({ change: 'static', honoured: true })
    }
  })
})
