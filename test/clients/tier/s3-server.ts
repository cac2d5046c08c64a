// A real S3 server: Versity's gateway to a directory, built once from its Go module. Not one that is made for
// tests: it checks signatures and keeps S3's errors. Its objects are files, so no key may be a folder of another.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached } from '../../bench/cache.ts'
import { freePort } from '../../bench/processes.ts'
import { hasTool, run } from '../tools.ts'

const MODULE = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'

/** Building it takes minutes where Go's own cache is empty. */
export const BUILD_MS = 15 * 60 * 1000

const READY_WITHIN_MS = 30_000

export const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'ottla-test',
  AWS_SECRET_ACCESS_KEY: 'not a secret, but long enough',
} as const

/** A running server with one bucket. */
export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  /** The files behind the bucket. */
  readonly folder: string
  /** It is there no more; its objects stay, and `start` has it again where it was. */
  kill(): Promise<void>
  start(): Promise<void>
  /** For good. */
  stop(): Promise<void>
}

/** What is absent on this machine, for `leftOut` of tools.ts. */
export interface Missing {
  readonly missing: string
}

/** The program, built where it is not yet; or why it cannot be. */
export async function s3Program(): Promise<string | Missing> {
  if (!hasTool('go')) return { missing: 'go, to build an S3 server,' }
  try {
    const folder = await cached('versitygw', [MODULE], async (into) => {
      // `go install` has no flag for where it puts what it builds.
      const bin = `GOBIN=${join(into, 'bin')}`
      await run('env', [bin, 'GOFLAGS=-mod=mod', 'go', 'install', MODULE])
    })
    return join(folder, 'bin/versitygw')
  } catch (error) {
    const reason = error instanceof Error ? error.message.trimEnd().split('\n').at(-1) : ''
    return { missing: `the Go module ${MODULE} (${reason})` }
  }
}

/** Files of a certificate for this machine, and of the authority that signed it. */
export interface Certificate {
  readonly authority: string
  readonly certificate: string
  readonly key: string
}

/** Makes them in `folder` with openssl. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const path = (name: string) => join(folder, name)
  const request = (name: string, subject: string, ...more: string[]) =>
    run('openssl', [
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)],
      ...['-subj', `/CN=${subject}`, ...more],
    ])
  await request('authority', 'a test', '-x509', '-days', '2')
  await request('asked', 'localhost')
  writeFileSync(path('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  await run('openssl', [
    ...['x509', '-req', '-in', path('asked.pem'), '-days', '2', '-CAcreateserial'],
    ...['-CA', path('authority.pem'), '-CAkey', path('authority.key')],
    ...['-extfile', path('extensions'), '-out', path('certificate.pem')],
  ])
  return {
    authority: path('authority.pem'),
    certificate: path('certificate.pem'),
    key: path('asked.key'),
  }
}

/** Starts it on an empty bucket, over TLS where it has a certificate. */
export async function startS3(program: string, tls?: Certificate): Promise<S3Server> {
  const root = mkdtempSync(join(tmpdir(), 'ottla-s3-'))
  const bucket = 'ottla-bucket'
  const folder = join(root, bucket)
  mkdirSync(folder)
  const port = await freePort()
  const secured = tls === undefined ? [] : ['--cert', tls.certificate, '--key', tls.key]
  const flags = ['--quiet', '--port', `127.0.0.1:${port}`, ...secured]
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    child = spawn(program, [...flags, 'posix', root], {
      stdio: 'ignore',
      env: {
        ...process.env,
        ROOT_ACCESS_KEY: CREDENTIALS.AWS_ACCESS_KEY_ID,
        ROOT_SECRET_KEY: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
      },
    })
    await listens(port, child)
  }

  async function kill(): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  await start()
  return {
    endpoint: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`,
    bucket,
    folder,
    kill,
    start,
    async stop() {
      await kill()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  const until = Date.now() + READY_WITHIN_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const outcome = await Promise.race([
      once(socket, 'connect').then(() => 'connected'),
      once(socket, 'error').then(([error]) => error as Error),
    ]).catch((error: Error) => error)
    socket.destroy()
    if (outcome === 'connected') return
    if (child.exitCode !== null || Date.now() > until) throw outcome
    await new Promise((done) => setTimeout(done, 50))
  }
}
