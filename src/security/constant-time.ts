// Comparing what must not be guessed byte by byte. Not what is compared: credentials.

/** Whether both are the same, in a time that depends on their lengths alone. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0)
  return difference === 0
}
