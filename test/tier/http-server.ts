// An HTTP server in this process that answers as a test says: for what no real server can be brought to do.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** What was asked, with its body. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export type Answer = (response: ServerResponse, asked: Asked) => void

export interface FakeServer {
  readonly origin: string
  readonly asked: Asked[]
  answer: Answer
  stop(): Promise<void>
}

export async function startServer(): Promise<FakeServer> {
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const { method = '', url = '', headers } = request
    const asked = { method, url, headers, body: Buffer.concat(pieces) }
    fake.asked.push(asked)
    fake.answer(response, asked)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const fake: FakeServer = {
    origin: `http://127.0.0.1:${address.port}`,
    asked: [],
    answer: (response) => void response.end(),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}
