// Answers of the disk service that a healthy disk does not give.

import { describe, expect, it } from 'vitest'
import { TIER_ANSWER_BYTES } from '../../src/core/limits/tier.ts'
import type { Send } from '../../src/tier/calls.ts'
import { DirectoryStore } from '../../src/tier/directory-store.ts'

const answering = (status: number, body: string | null = null): Send => {
  return async () => new Response(body, { status })
}

const failing: Send = () => Promise.reject(new Error('internal error; reference = 1'))

describe('a failure of the disk service', () => {
  it.each([
    ['it throws: a full disk, a folder that may not be written', failing, true],
    ['it fails', answering(500), true],
    ['it does not give what it hides', answering(403, 'Unauthorized'), false],
  ])('is an error of every call: %s', async (_, send, retriable) => {
    const store = new DirectoryStore(send)
    const error = { name: 'ObjectStoreError', retriable }
    await expect(store.put('a/b', new Uint8Array(1))).rejects.toMatchObject(error)
    await expect(store.get('a/b')).rejects.toMatchObject(error)
    await expect(store.get('a/b', { offset: 0, length: 1 })).rejects.toMatchObject(error)
    await expect(store.delete(['a/b'])).rejects.toMatchObject(error)
    await expect(store.list('a/', null)).rejects.toMatchObject(error)
  })

  it('is a put that was not said to be done', async () => {
    const put = new DirectoryStore(answering(404)).put('a/b', new Uint8Array(1))
    await expect(put).rejects.toMatchObject({ retriable: false })
  })
})

describe('a listing of the disk service', () => {
  it('is not read when it is too large', async () => {
    const list = new DirectoryStore(answering(200, ' '.repeat(TIER_ANSWER_BYTES + 1))).list(
      '',
      null,
    )
    await expect(list).rejects.toMatchObject({ retriable: false })
  })

  it('leaves out what has gone since', async () => {
    const send: Send = async ({ method, url }) => {
      const gone = url.endsWith('2.object')
      if (method === 'HEAD') return new Response(null, { status: gone ? 404 : 200 })
      const names = ['1.object', '2.object', '3.object']
      return Response.json(names.map((name) => ({ name, type: 'file' })))
    }
    const { objects, next } = await new DirectoryStore(send).list('', null)
    expect(objects.map(({ key }) => key)).toEqual(['1', '3'])
    expect(next).toBeNull()
  })

  it('does not follow links', async () => {
    const types = ['symlink', 'other', 'namedPipe']
    const entries = types.map((type) => ({ name: `${type}.object`, type }))
    const store = new DirectoryStore(answering(200, JSON.stringify(entries)))
    expect(await store.list('', null)).toEqual({ objects: [], next: null })
  })
})
