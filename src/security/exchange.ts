// What every SASL mechanism is to who carries its messages: bytes in, a step out. Not a mechanism (plain.ts,
// scram-exchange.ts, oauthbearer.ts) and not the Kafka requests around it (broker/login.ts).

import type { Principal } from './principal.ts'

/** What comes of one message of a client. */
export type Step =
  | { readonly kind: 'challenge'; readonly token: Uint8Array }
  | {
      readonly kind: 'done'
      readonly token: Uint8Array
      readonly principal: Principal
      /** When what was presented ends; null: never. */
      readonly expiresAtMs: number | null
    }
  | {
      readonly kind: 'refused'
      /** For our own log; never what was presented. */
      readonly reason: string
      /** Who was claimed to be there, for our own log. */
      readonly user?: string
      /** What the client is told, where Kafka tells more than that it failed. Never which of user and password. */
      readonly message?: string
    }

/** One login under way. */
export interface Exchange {
  step(token: Uint8Array): Promise<Step>
}
