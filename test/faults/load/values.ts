// What records of the fault tests look like: a token that says who sent it, and padding that the token
// determines, so that a reader can tell whether each byte is as it was sent.

const SEPARATOR = '|'

/** The value of a record: its token and `paddingBytes` that follow from it. */
export function recordValue(token: string, paddingBytes: number): string {
  return `${token}${SEPARATOR}${paddingBytes}${SEPARATOR}${padding(token, paddingBytes)}`
}

/** Reads a value back; `whole` when all of it is as `recordValue` made it. */
export function readValue(value: string | null): {
  readonly token: string
  readonly whole: boolean
} {
  const [token = '', bytes = ''] = (value ?? '').split(SEPARATOR, 2)
  return { token, whole: value === recordValue(token, Number(bytes)) }
}

/** Compresses badly enough to be stored as many bytes, and differs from token to token. */
function padding(token: string, bytes: number): string {
  let state = 0
  for (let at = 0; at < token.length; at++) state = Math.imul(state, 31) + token.charCodeAt(at)
  const period = 97 + (Math.abs(state) % 911)
  let text = ''
  while (text.length < Math.min(bytes, period)) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    text += (state >>> 0).toString(36)
  }
  return text
    .slice(0, period)
    .repeat(Math.ceil(bytes / period))
    .slice(0, bytes)
}
