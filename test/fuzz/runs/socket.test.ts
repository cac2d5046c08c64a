// A short run of what `npm run fuzz -- --socket` does.

import { expect, it } from 'vitest'
import { fuzzSocket } from '../socket.ts'

it('mutated frames through the sockets of a broker harm nobody who behaves well', async () => {
  const lines: string[] = []
  const print = (line: string) => void lines.push(line)
  const found = await fuzzSocket({ seed: 1, frames: 4_000, seconds: 20, print })
  expect(found, lines.join('\n')).toBeNull()
})
