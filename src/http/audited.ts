// What of HTTP's answers goes into the audit log: who may not do something, who was not let in with what they presented,
// and requests that change the cluster. Not the log (broker/audit.ts).

import type { AuditEvent } from '../broker/audit.ts'
import type { BrokerContext } from '../broker/context.ts'
import { principalOf } from '../security/principal.ts'
import { presentedBy } from './credentials.ts'
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
  const event = eventOf(request, broker, 'login-refused', 401)
  const user = claimedBy(request)
  const principal = user === null ? event.principal : principalOf(user)
  keepAlive(broker.audit.tell({ ...event, principal }, broker))
}

/** Who somebody says that they are, where what they present has a name beside it. */
function claimedBy(request: Request): string | null {
  const form = refusedUsers.get(request)
  if (form !== undefined) return form
  const presented = presentedBy(request, new URLSearchParams())
  return presented.kind === 'password' ? presented.user : null
}

/** Of forms, which are read once. */
const refusedUsers = new WeakMap<Request, string>()

/** The form of this request names a user, and was refused. */
export function refusedBy(request: Request, user: string): void {
  refusedUsers.set(request, user)
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
