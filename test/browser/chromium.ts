// Debian's Chromium, started once for a test file; where it is absent the scenario says so. Not a test.

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import type { TestContext } from 'vitest'
import { absent } from '../clients/tools.ts'

export const CHROMIUM = '/usr/bin/chromium'
/** A name that leads to this machine and is not its own. */
export const FOREIGN_HOST = 'elsewhere.example'

export const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--host-resolver-rules=MAP ${FOREIGN_HOST} 127.0.0.1`,
  // So that a page can say how large its heap is, to the byte and after a collection.
  '--enable-precise-memory-info',
  '--js-flags=--expose-gc',
]

let browser: Promise<Browser> | undefined

/** The browser of this file, or leaves the scenario out. */
export function openBrowser(context: TestContext): Promise<Browser> {
  if (!existsSync(CHROMIUM)) absent(context, CHROMIUM)
  browser ??= chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS })
  return browser
}

/** Ends it, if it was started. */
export async function closeBrowser(): Promise<void> {
  const open = browser
  browser = undefined
  await (await open)?.close()
}
