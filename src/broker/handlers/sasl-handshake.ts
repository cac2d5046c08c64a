// SaslHandshake (key 17), versions 0 to 1, where no login may begin: a broker that asks for none, or one has been. What
// begins a login never comes here (../login.ts).

import { KafkaError } from '../../core/errors.ts'
import type {
  SaslHandshakeRequest,
  SaslHandshakeResponse,
} from '../../protocol/messages/sasl-handshake.ts'

export async function saslHandshake(_: SaslHandshakeRequest): Promise<SaslHandshakeResponse> {
  return { errorCode: KafkaError.ILLEGAL_SASL_STATE, mechanisms: [] }
}
