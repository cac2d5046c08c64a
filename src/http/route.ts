// What a route is: a row with its path, its meaning for the OpenAPI document, and its function. The app
// serves the rows and the document is made of them, so that neither knows a route the other does not.

import type * as z from 'zod/mini'
import type { BrokerContext } from '../broker/context.ts'
import type { Environment } from '../core/env.ts'
import type { AccessRule } from './access-rule.ts'
import type { Doorkeeper, DoorkeeperDeps } from './doorkeeper.ts'
import type { Identity } from './identity.ts'
import type { Problem } from './problem.ts'

/** What the HTTP face is given. It lives as long as the isolate; stubs do not, so they come per request. */
export interface HttpDeps {
  readonly environment: Environment
  /** The broker as this one request may use it. */
  context(request: Request, identity: Identity): BrokerContext
  /** Who is let in. Left out only where nobody is asked. */
  readonly security?: HttpSecurity | undefined
  /** A number in [0, 1), as Math.random gives it. */
  random(): number
  /** Leads to the object that hosts tunnels (routes/kafka.ts). None in tests without one. */
  readonly tunnel?: OpenTunnel | undefined
  /** Leads to the object that hosts sessions of `/v1/live` (routes/live.ts). None in tests without one. */
  readonly live?: OpenTunnel | undefined
  /** The file of web/ that is asked for, status 404 when there is none. */
  readonly asset?: ((request: Request) => Promise<Response>) | undefined
}

/** How it is found out who asks. */
export interface HttpSecurity {
  readonly doorkeeper: Doorkeeper
  /** What may be asked for one request. */
  deps(request: Request): DoorkeeperDeps
}

/** Asks the object of this shard of a tenant's for a WebSocket; its answer has one, or says why not. */
export type OpenTunnel = (
  tenant: string,
  shard: number,
  headers: Readonly<Record<string, string>>,
) => Promise<Response>

/** One request of a route. */
export interface Asked {
  readonly request: Request
  readonly query: URLSearchParams
  /** A path parameter, decoded. */
  param(name: string): string
  readonly broker: BrokerContext
  /** Who asks, as they have shown it. */
  readonly identity: Identity
  /** What else may be asked about credentials; null where nobody is asked. */
  readonly credentials: DoorkeeperDeps | null
  readonly tunnel: OpenTunnel
  readonly live: OpenTunnel
  readonly random: () => number
  /** Keeps the request's context alive until this settles, after the answer or the client has gone. */
  keepAlive(work: Promise<unknown>): void
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

type Schema = z.ZodMiniType

/** A body or an answer: its schema by media type; null where it is not JSON. */
export type Content = Readonly<Record<string, Schema | null>>

/** A request that the document shows, and that works where its topic, group and so on exist. */
export interface Example {
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** JSON, or text of the first media type that is not JSON. */
  readonly body?: unknown
}

/** What the OpenAPI document says of a route. */
export interface Operation {
  readonly summary: string
  /** An object of the query parameters. */
  readonly query?: Schema
  /** Request headers with a meaning of their own: what they mean. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Content
  readonly example?: Example
  /** What is said behind an upgrade, by who says it: schemas with an id. */
  readonly messages?: Readonly<Record<string, Schema>>
  /** By status: success only, every route also answers problems. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly content?: Content }>
  >
}

/** One row. */
export interface Route {
  readonly method: Method
  /** With parameters in braces, as OpenAPI writes them. */
  readonly path: string
  /** What is needed to be served. */
  readonly access: AccessRule
  /** Made on demand: schemas must not cost start-up time. */
  readonly operation: () => Operation
  handle(asked: Asked): Promise<Response | Problem>
}
