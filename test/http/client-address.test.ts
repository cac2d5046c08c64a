// Who asks over HTTP: workerd's own word locally, the platform's when deployed, never a client's against it.

import { describe, expect, it } from 'vitest'
import { clientAddress } from '../../src/http/client-address.ts'

function asked(clientIp: unknown, header?: string): Request {
  const headers = header === undefined ? {} : { 'cf-connecting-ip': header }
  const request = new Request('http://broker.example/v1/live', { headers })
  return Object.assign(request, clientIp === undefined ? {} : { cf: { clientIp } })
}

describe('the address of who asks', () => {
  it('is what workerd says, without the port, whatever the request says', () => {
    expect(clientAddress(asked('127.0.0.1:59750', '203.0.113.9'))).toBe('127.0.0.1')
    expect(clientAddress(asked('[::1]:59750'))).toBe('::1')
    expect(clientAddress(asked('192.0.2.4'))).toBe('192.0.2.4')
  })

  it('is what the platform says where workerd says nothing that is one', () => {
    expect(clientAddress(asked(undefined, '203.0.113.9'))).toBe('203.0.113.9')
    expect(clientAddress(asked('unix:/tmp/socket', '2001:db8::1'))).toBe('2001:db8::1')
    expect(clientAddress(asked(7))).toBe('')
  })
})
