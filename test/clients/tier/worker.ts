// A Worker that does to its tier what it is asked over HTTP, so that a test outside workerd can hold a store
// inside it to the contract. Bundled and started by stores.ts in the place of the broker.

import { type ObjectStore, ObjectStoreError } from '../../../src/tier/object-store.ts'
import { tierOf } from '../../../src/tier/tier.ts'

/** The launcher's configuration has namespaces of these classes. */
export class Partition {}
export class Cluster {}
export class Group {}
export class Transaction {}
export class Watch {}

export default {
  async fetch(request: Request, env: object): Promise<Response> {
    try {
      const tier = tierOf(env)
      if (tier === null) return Response.json({ tier: null })
      return await answer(tier.store, request, tier.isSynced)
    } catch (error) {
      const { name, message } = error as Error
      const retriable = error instanceof ObjectStoreError ? error.retriable : null
      return Response.json({ name, message, retriable }, { status: 500 })
    }
  },
}

async function answer(store: ObjectStore, request: Request, isSynced: boolean): Promise<Response> {
  const { searchParams: query } = new URL(request.url)
  const key = query.get('key') ?? ''
  switch (query.get('do')) {
    case 'put':
      await store.put(key, new Uint8Array(await request.arrayBuffer()))
      return new Response(null, { status: 204 })
    case 'get': {
      const range = query.has('length')
        ? { offset: Number(query.get('offset')), length: Number(query.get('length')) }
        : undefined
      const found = await store.get(key, range)
      return found === null
        ? new Response(null, { status: 404 })
        : new Response(found as Uint8Array<ArrayBuffer>)
    }
    case 'delete':
      await store.delete(query.getAll('key'))
      return new Response(null, { status: 204 })
    case 'list':
      return Response.json(await store.list(key, query.get('after')))
    default:
      return Response.json({ tier: store.constructor.name, isSynced })
  }
}
