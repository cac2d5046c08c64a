// SaslAuthenticate (key 36), versions 0 to 2, where no login is under way. The messages of one never come here
// (../login.ts).

import { KafkaError } from '../../core/errors.ts'
import type {
  SaslAuthenticateRequest,
  SaslAuthenticateResponse,
} from '../../protocol/messages/sasl-authenticate.ts'

export async function saslAuthenticate(
  _: SaslAuthenticateRequest,
): Promise<SaslAuthenticateResponse> {
  return {
    errorCode: KafkaError.ILLEGAL_SASL_STATE,
    errorMessage: 'SaslAuthenticate request received after successful authentication',
    authBytes: new Uint8Array(0),
  }
}
