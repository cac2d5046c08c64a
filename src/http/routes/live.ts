// `GET /v1/live`: a WebSocket for everything a page does with topics and groups at once. Checks the upgrade and hands
// it to an object that hosts it (live/object.ts). What is said there: live/messages.ts.

import * as z from 'zod/mini'
import { KafkaError } from '../../core/errors.ts'
import { LIVE_SHARDS } from '../../core/limits/live.ts'
import { CLIENT_HEADER, IDENTITY_HEADER } from '../../live/headers.ts'
import { liveSchemas } from '../../live/messages.ts'
import { LIVE_PROTOCOL } from '../../live/protocol.ts'
import { clientAddress } from '../client-address.ts'
import { badRequest, Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'

const PROTOCOL_HEADER = 'sec-websocket-protocol'

export const liveRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/live',
    access: { needs: [], takesQueryToken: true },
    operation: () => ({
      summary:
        'Open a WebSocket of JSON messages (LiveClientMessage, LiveServerMessage): subscribe, produce, join groups',
      headers: { 'Sec-WebSocket-Protocol': `${LIVE_PROTOCOL}, by default too` },
      answers: { 101: { description: 'Messages follow, of the server `hello` first' } },
      messages: { client: clientMessage(), server: serverMessage() },
    }),
    handle: liveRoute,
  },
]

function clientMessage() {
  const { client } = liveSchemas()
  return z.union(Object.values(client)).check(z.meta({ id: 'LiveClientMessage' }))
}

function serverMessage() {
  const { server } = liveSchemas()
  return z.union(Object.values(server)).check(z.meta({ id: 'LiveServerMessage' }))
}

async function liveRoute({ request, live, random, identity }: Asked): Promise<Response | Problem> {
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    const detail = `this is a WebSocket: connect to it with the subprotocol ${LIVE_PROTOCOL}`
    const headers = { upgrade: 'websocket', connection: 'upgrade' }
    return new Problem(KafkaError.UNSUPPORTED_ENDPOINT_TYPE, { status: 426, detail, headers })
  }
  const offered = request.headers.get(PROTOCOL_HEADER)
  if (offered !== null && !offered.split(',').some((one) => one.trim() === LIVE_PROTOCOL)) {
    return badRequest(PROTOCOL_HEADER, `${PROTOCOL_HEADER} must offer ${LIVE_PROTOCOL}`)
  }
  const client = clientAddress(request)
  const answer = await live(identity.tenant, Math.floor(random() * LIVE_SHARDS), {
    upgrade: 'websocket',
    [CLIENT_HEADER]: `/${client}`,
    [IDENTITY_HEADER]: encodeURIComponent(JSON.stringify(identity)),
    ...(offered === null ? {} : { [PROTOCOL_HEADER]: LIVE_PROTOCOL }),
  })
  if (answer.webSocket == null) {
    const detail = 'too many sessions are open'
    return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
  }
  return new Response(null, {
    status: 101,
    webSocket: answer.webSocket,
    headers: offered === null ? {} : { [PROTOCOL_HEADER]: LIVE_PROTOCOL },
  })
}
