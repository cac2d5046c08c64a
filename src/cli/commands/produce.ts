// `ottla produce`: sends lines of standard input as records, in their order, each batch once however often it had to be
// tried (its Idempotency-Key).

import { randomUUID } from 'node:crypto'
import { BrokerApi, RefusedError, segment } from '../broker-api.ts'
import {
  authorizationOf,
  BROKER_FLAGS,
  BROKER_HELP,
  brokerUrl,
  type Command,
  EXIT,
  FailedError,
  type Io,
  numberOf,
  textOf,
  UsageError,
  type Values,
  wordsOf,
} from '../command.ts'
import { linesOf } from '../lines.ts'

/** Lines sent together: so many bytes, or all that came before a pause. */
const BATCH_BYTES = 512 * 1024
const PAUSE_MS = 50
/** A line longer than a request may be is refused before it is held whole. */
const LINE_BYTES_MAX = 16 * 1024 * 1024

export const produce: Command = {
  name: 'produce',
  summary: 'send lines as records',
  help: `Usage: ottla produce TOPIC [flags] < LINES

  echo 'hello' | ottla produce orders                  a line is a value
  tail -f app.log | ottla produce logs                 sent as they come
  printf 'u1:{"n":1}\\n' | ottla produce orders --key-separator :
  echo '{"key":"u1","value":{"n":1},"headers":[{"key":"a","value":"b"}]}' | ottla produce orders --records
  ottla produce pictures --whole --key cat < cat.jpg   all of it is one value

  --key TEXT          the key of every record
  --key-separator SEP what is before it is the key, what is behind it the value
  --partition N       where to; by default by key, or one partition for each batch
  --records           a line is a record in JSON, as "ottla consume --json" prints it
  --whole             standard input is one value
  --json              what was stored, as JSON, a batch a line
${BROKER_HELP}`,
  flags: {
    ...BROKER_FLAGS,
    key: { type: 'string' },
    'key-separator': { type: 'string' },
    partition: { type: 'string' },
    records: { type: 'boolean' },
    whole: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  run,
}

interface Summary {
  readonly count: number
  readonly partitions: Readonly<Record<string, { readonly first: number; readonly last: number }>>
}

async function run(words: readonly string[], values: Values, io: Io): Promise<number> {
  const [topic = ''] = wordsOf(words, 'the name of the topic')
  const form = formOf(values)
  const broker = new BrokerApi(
    brokerUrl(values, io.env),
    authorizationOf(values, io.env),
    io.signal,
  )
  const path = `/v1/topics/${segment(topic)}/records`
  if (io.isTty.in) io.say('Each line is a record; Ctrl-D ends.')
  const say = (line: string) => io.say(`ottla produce: ${line}`)
  const send = async (body: string) => {
    const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': randomUUID() }
    return broker.again(() => broker.json<Summary>('POST', path, { body, headers }), say)
  }
  let count = 0
  const batches = form.isWhole ? whole(io, form) : lineBatches(io, form)
  for await (const { text, firstLine } of batches) {
    const summary = await send(text).catch((error: unknown) => {
      throw located(error, firstLine, count)
    })
    count += summary.count
    if (values.json === true) io.out(JSON.stringify(summary))
  }
  if (io.isTty.err) io.say(`produced ${count} ${count === 1 ? 'record' : 'records'} to ${topic}`)
  return EXIT.OK
}

/** What a line becomes. */
interface Form {
  readonly isWhole: boolean
  readonly isRecords: boolean
  readonly key: string | undefined
  readonly separator: string | undefined
  readonly partition: number | undefined
}

function formOf(values: Values): Form {
  const form = {
    isWhole: values.whole === true,
    isRecords: values.records === true,
    key: textOf(values, 'key'),
    separator: textOf(values, 'key-separator'),
    partition: numberOf(values, 'partition', { most: 999_999_999 }),
  }
  if (form.separator === '') throw new UsageError('--key-separator must not be empty')
  const { isWhole, isRecords, key, separator, partition } = form
  const ways = [isWhole, isRecords, separator !== undefined].filter(Boolean)
  if (ways.length > 1)
    throw new UsageError('--records, --whole and --key-separator exclude each other')
  if (separator !== undefined && key !== undefined) {
    throw new UsageError('--key and --key-separator exclude each other')
  }
  if (isRecords && (key !== undefined || partition !== undefined)) {
    throw new UsageError('--records has key and partition in each line')
  }
  return form
}

interface Batch {
  readonly text: string
  readonly firstLine: number
}

async function* lineBatches(io: Io, form: Form): AsyncGenerator<Batch> {
  let text = ''
  let firstLine = 1
  let line = 0
  for await (const next of linesOf(io.input(), {
    lineBytesMax: LINE_BYTES_MAX,
    pauseMs: PAUSE_MS,
  })) {
    if (next === null || text.length >= BATCH_BYTES) {
      if (text !== '') yield { text, firstLine }
      text = ''
      firstLine = line + 1
      if (next === null) continue
    }
    line++
    if (next === 'too long')
      throw new FailedError(`line ${line} is longer than ${LINE_BYTES_MAX} bytes`)
    if (form.isRecords && next.length === 0) continue
    text += `${recordOfLine(next, line, form)}\n`
  }
  if (text !== '') yield { text, firstLine }
}

async function* whole(io: Io, form: Form): AsyncGenerator<Batch> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of io.input()) {
    bytes += part.length
    if (bytes > LINE_BYTES_MAX) throw new FailedError(`a value has at most ${LINE_BYTES_MAX} bytes`)
    parts.push(part)
  }
  const { key, partition } = form
  yield {
    text: JSON.stringify({ key, partition, ...valueMembers(Buffer.concat(parts)) }),
    firstLine: 1,
  }
}

/** A record in the API's form. */
function recordOfLine(
  bytes: Buffer,
  line: number,
  { isRecords, separator, key, partition }: Form,
): string {
  if (isRecords) return recordAgain(bytes.toString(), line)
  if (separator === undefined) return JSON.stringify({ key, partition, ...valueMembers(bytes) })
  const at = bytes.indexOf(separator)
  if (at < 0) throw new FailedError(`line ${line} has no "${separator}"`)
  const value = valueMembers(bytes.subarray(at + Buffer.byteLength(separator)))
  const { value: text, valueBase64 } = valueMembers(bytes.subarray(0, at))
  return JSON.stringify({
    ...(valueBase64 === undefined ? { key: text } : { keyBase64: valueBase64 }),
    partition,
    ...value,
  })
}

/** Bytes that are no text have a form of their own. */
function valueMembers(bytes: Buffer): { value?: string; valueBase64?: string } {
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes)
    ? { value: text }
    : { valueBase64: bytes.toString('base64') }
}

/** What consume printed has its place in the log it was read from; that is not its place here. */
function recordAgain(text: string, line: number): string {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    throw new FailedError(`line ${line} is no JSON`)
  }
  if (typeof record !== 'object' || record === null || !('offset' in record)) return text
  const { offset: _, topic: __, partition: ___, ...rest } = record as Record<string, unknown>
  return JSON.stringify(rest)
}

/** Says which line it was, and what is stored for certain. */
function located(error: unknown, firstLine: number, count: number): unknown {
  if (!(error instanceof RefusedError)) return error
  return new FailedError(
    `${error.message} (in the batch that begins at line ${firstLine}; the ${count} records before it are stored)`,
  )
}
