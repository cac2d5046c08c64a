// The client's side of SCRAM (RFC 5802), for tests: written beside the server. No test of its own.

import { fromBase64, toBase64 } from '../../src/core/text.ts'
import { digest, hmac, type ScramName, saltedPassword } from '../../src/security/scram.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** What proves the password, in base64. @param final the client's last message without its proof */
export async function proofOf(
  mechanism: ScramName,
  {
    password,
    bare,
    serverFirst,
    final,
  }: Record<'password' | 'bare' | 'serverFirst' | 'final', string>,
): Promise<string> {
  const [, , salt = '', iterations = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)$/.exec(serverFirst) ?? []
  const salted = await saltedPassword(
    mechanism,
    bytes(password),
    fromBase64(salt)!,
    Number(iterations),
  )
  const clientKey = await hmac(mechanism, salted, bytes('Client Key'))
  const signature = await hmac(
    mechanism,
    await digest(mechanism, clientKey),
    bytes(`${bare},${serverFirst},${final}`),
  )
  return toBase64(clientKey.map((byte, at) => byte ^ signature[at]!))
}

/** The client's last message, to what the server has asked. */
export async function lastMessage(
  mechanism: ScramName,
  { password, bare, serverFirst }: Record<'password' | 'bare' | 'serverFirst', string>,
): Promise<string> {
  const nonce = /^r=([^,]*)/.exec(serverFirst)?.[1]
  const final = `c=biws,r=${nonce}`
  return `${final},p=${await proofOf(mechanism, { password, bare, serverFirst, final })}`
}
