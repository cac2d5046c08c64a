// SaslHandshake (key 17), versions 0-1: which mechanism a client is going to log in by. 0: its messages follow
// without Kafka's headers; 1: in SaslAuthenticate. Never flexible.

import { api, array, int16, type RequestOf, type ResponseOf, string, struct } from '../schema.ts'

/** SaslHandshake: request and response of every version served. */
export const SaslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexible: Number.POSITIVE_INFINITY,
  request: struct({
    mechanism: string(),
  }),
  response: struct({
    errorCode: int16(),
    mechanisms: array(string()),
  }),
})

/** The request as decoded. */
export type SaslHandshakeRequest = RequestOf<typeof SaslHandshake>

/** The response to encode. */
export type SaslHandshakeResponse = ResponseOf<typeof SaslHandshake>
