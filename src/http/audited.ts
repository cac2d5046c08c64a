// What of HTTP's answers goes into the audit log: who may not do something, who was not let in with what they presented,
// and requests that change the cluster. Not the log (broker/audit.ts).

import type { AuditEvent } from '../broker/audit.ts'
import type { BrokerContext } from '../broker/context.ts'
import type { Asked, Route } from './route.ts'

/** Records are what a broker is for: to write some is no change of it. */
const RECORDS = '/v1/topics/{topic}/records'
const FORBIDDEN = 403
const SERVER_ERROR = 500

/** Writes an answer down if it is worth it. A change is answered when that is durable. */
export async function auditAnswer(
  { method, path }: Pick<Route, 'method' | 'path'>,
  { request, broker, keepAlive }: Pick<Asked, 'request' | 'broker' | 'keepAlive'>,
  status: number,
): Promise<void> {
  const { audit } = broker
  if (audit === null) return
  const isChange = method !== 'GET' && !(method === 'POST' && path === RECORDS)
  const isDenied = status === FORBIDDEN
  if (!isDenied && !(isChange && status < SERVER_ERROR)) return
  const event = eventOf(request, broker, isDenied ? 'denied' : 'changed', status)
  const told = audit.tell(event, broker)
  if (isChange) await told
  else keepAlive(told)
}

/** Writes down who was not let in; not who presented nothing, as every browser does at first. */
export function auditRefusal(
  request: Request,
  broker: BrokerContext,
  keepAlive: (work: Promise<unknown>) => void,
): void {
  if (broker.audit === null) return
  const { headers } = request
  const isNamed =
    headers.has('authorization') ||
    headers.has('cookie') ||
    headers.has('sec-websocket-protocol') ||
    request.method === 'POST'
  if (!isNamed) return
  keepAlive(broker.audit.tell(eventOf(request, broker, 'login-refused', 401), broker))
}

/** Without the query: a token may stand there. */
function eventOf(
  { method, url }: Request,
  { access, clientHost }: BrokerContext,
  event: AuditEvent['event'],
  status: number,
): AuditEvent {
  const api = `${method} ${new URL(url).pathname}`
  const host = clientHost.replace(/^\//, '')
  return { event, api, principal: access.principal, host, reason: `HTTP ${status}` }
}
