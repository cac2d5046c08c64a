// `GET /kafka`: the Kafka byte stream over a WebSocket, for where no TCP comes in. Checks the upgrade and hands it to
// the object that hosts it (tunnel/object.ts). What is said there: core/tunnel-protocol.ts.

import { connectionLimits, isBounded } from '../../broker/connection-limits.ts'
import { formatAddress, isWildcard, parseAddress } from '../../core/env.ts'
import { KafkaError } from '../../core/errors.ts'
import { DEFAULT_TENANT, tunnelShard } from '../../core/ids.ts'
import { ADVERTISED_HEADER, TUNNEL_PROTOCOL } from '../../core/tunnel-protocol.ts'
import { ANONYMOUS, userOf } from '../../security/principal.ts'
import {
  CLIENT_HEADER,
  EXPIRES_HEADER,
  PRINCIPAL_HEADER,
  TENANT_HEADER,
} from '../../tunnel/headers.ts'
import { ADMITTED } from '../access-rule.ts'
import { clientAddress } from '../client-address.ts'
import type { Identity } from '../identity.ts'
import { badRequest, Problem } from '../problem.ts'
import type { Asked, Route } from '../route.ts'

export const kafkaRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/kafka',
    access: ADMITTED,
    operation: () => ({
      summary: 'Open a WebSocket that carries the Kafka byte stream in binary messages',
      headers: {
        [ADVERTISED_HEADER]:
          'HOST:PORT that clients are told to connect to, where the other end of this tunnel listens',
      },
      answers: { 101: { description: 'The byte stream follows; message boundaries mean nothing' } },
    }),
    handle: kafkaRoute,
  },
]

async function kafkaRoute({
  request,
  broker,
  identity,
  tunnel,
}: Asked): Promise<Response | Problem> {
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    const detail =
      'this is a WebSocket for the Kafka protocol: `ottla proxy` leads Kafka clients to it'
    const headers = { upgrade: 'websocket', connection: 'upgrade' }
    return new Problem(KafkaError.UNSUPPORTED_ENDPOINT_TYPE, { status: 426, detail, headers })
  }
  if (identity.kind === 'token') {
    const detail = 'a signed token is bound to topics, and a connection is not: ask with a password'
    return new Problem(KafkaError.CLUSTER_AUTHORIZATION_FAILED, { status: 403, detail })
  }
  const address = addressOf(request, broker.advertised)
  if (address instanceof Problem) return address
  const client = clientAddress(request)
  const headers: Record<string, string> = {
    upgrade: 'websocket',
    [ADVERTISED_HEADER]: address,
    [CLIENT_HEADER]: `/${client}`,
    ...(identity.tenant === DEFAULT_TENANT ? {} : { [TENANT_HEADER]: identity.tenant }),
    ...knownAs(identity),
  }
  if (asksFor(request, TUNNEL_PROTOCOL)) headers['sec-websocket-protocol'] = TUNNEL_PROTOCOL
  // Where an address may have so many, one object has all of them and counts.
  const isCounted = isBounded(await connectionLimits(broker.brokerConfig), client)
  const shard = tunnelShard(isCounted ? client : `${client} ${address}`)
  const answer = await tunnel(identity.tenant, shard, headers)
  if (answer.webSocket == null) {
    const why = await answer.text()
    const detail = why === '' ? 'too many tunnels are open' : why
    return new Problem(KafkaError.BROKER_NOT_AVAILABLE, { status: 503, detail })
  }
  const protocol = answer.headers.get('sec-websocket-protocol')
  return new Response(null, {
    status: 101,
    webSocket: answer.webSocket,
    headers: protocol === null ? {} : { 'sec-websocket-protocol': protocol },
  })
}

/** Who is nobody here logs in through the tunnel, as on a listener. */
function knownAs({ principal, expiresAtMs }: Identity): Record<string, string> {
  if (principal === ANONYMOUS) return {}
  return {
    [PRINCIPAL_HEADER]: encodeURIComponent(userOf(principal)),
    ...(expiresAtMs === null ? {} : { [EXPIRES_HEADER]: String(expiresAtMs) }),
  }
}

/** `HOST:PORT` that this tunnel's clients are told: the header's, or that of this broker. */
function addressOf(request: Request, own: Asked['broker']['advertised']): string | Problem {
  const stated = request.headers.get(ADVERTISED_HEADER)
  if (stated === null) return formatAddress(own.host, own.port)
  const address = parseAddress(stated)
  if (address === null || !address.port || isWildcard(address.host)) {
    return badRequest(ADVERTISED_HEADER, `must be HOST:PORT that clients can reach, not ${stated}`)
  }
  return formatAddress(address.host, address.port)
}

function asksFor(request: Request, protocol: string): boolean {
  const asked = request.headers.get('sec-websocket-protocol') ?? ''
  return asked.split(',').some((one) => one.trim() === protocol)
}
