// Addresses of clients in one spelling.

import { describe, expect, it } from 'vitest'
import { canonicalHost } from '../../src/security/host.ts'

describe('an address', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['/127.0.0.1', '127.0.0.1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['[::1]', '0:0:0:0:0:0:0:1'],
    ['/::', '0:0:0:0:0:0:0:0'],
    ['2001:0DB8::00ff:0', '2001:db8:0:0:0:0:ff:0'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ])('%s is %s', (given, canonical) => {
    expect(canonicalHost(given)).toBe(canonical)
    expect(canonicalHost(canonical)).toBe(canonical)
  })

  it.each(['', 'host.example', '*', '1:2:3', '1::2::3', '1:2:3:4:5:6:7:8:9', '::g', '::1.2.3'])(
    'that is none is left as it is: %s',
    (given) => {
      expect(canonicalHost(given)).toBe(given)
    },
  )
})
