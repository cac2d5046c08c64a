// Where workerd keeps the storage of a Durable Object: in a file named by the object's id, which it makes of the name as
// here. Not what is in it.

import { createHash, createHmac } from 'node:crypto'
import { join } from 'node:path'

/** Half of an id is of the name, the other half of that half. */
const HALF_BYTES = 16

/** The file of an object, which may not be there. @param name as core/ids.ts makes it */
export function objectFile(objectsDir: string, className: string, name: string): string {
  const namespace = `ottla-${className}`
  const key = createHash('sha256').update(namespace).digest()
  const half = (of: string | Uint8Array) =>
    createHmac('sha256', key).update(of).digest().subarray(0, HALF_BYTES)
  const first = half(name)
  const id = Buffer.concat([first, half(first)]).toString('hex')
  return join(objectsDir, namespace, `${id}.sqlite`)
}
