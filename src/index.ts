// The Worker's entry: HTTP, TCP and the Durable Object classes, nothing else.

import type { WorkerEnv } from './broker/isolate.ts'

// biome-ignore lint/performance/noBarrelFile: the runtime finds the Durable Object classes here.
export { Cluster } from './cluster/object.ts'
export { Group } from './group/object.ts'
export { Live } from './live/object.ts'
export { Partition } from './partition/object.ts'
export { Statistics } from './statistics/object.ts'
export { Transaction } from './transaction/object.ts'
export { Tunnel } from './tunnel/object.ts'
export { Watch } from './watch/object.ts'

// Both faces are loaded with their first request: a start pays for the objects alone. HTTP's is then kept, for
// to import it again costs each request 8 µs.
let http: typeof import('./http/serve.ts') | null = null

export default {
  async fetch(request: Request, env: WorkerEnv, context: ExecutionContext) {
    http ??= await import('./http/serve.ts')
    return http.serveHttp(request, env, context)
  },
  async connect(socket: Socket, env: WorkerEnv, context: ExecutionContext) {
    const { serveKafka } = await import('./broker/isolate.ts')
    return serveKafka(socket, env, context)
  },
}
