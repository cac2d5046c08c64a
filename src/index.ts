// The Worker's entry: HTTP, TCP and the Durable Object classes, nothing else.

import { serveKafka, type WorkerEnv } from './broker/isolate.ts'
import { serveHttp } from './http/serve.ts'

// biome-ignore lint/performance/noBarrelFile: the runtime finds the Durable Object classes here.
export { Cluster } from './cluster/object.ts'
export { Group } from './group/object.ts'
export { Partition } from './partition/object.ts'
export { Transaction } from './transaction/object.ts'

export default {
  fetch: (request: Request, env: WorkerEnv, context: ExecutionContext) =>
    serveHttp(request, env, context),
  connect: (socket: Socket, env: WorkerEnv) => serveKafka(socket, env),
}
