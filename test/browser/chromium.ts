// Debian's Chromium, started once for a test file; where it is absent the scenario says so. Not a test.

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import type { TestContext } from 'vitest'
import { absent } from '../clients/tools.ts'

export const CHROMIUM = '/usr/bin/chromium'

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // So that a page can say how large its heap is, to the byte and after a collection.
  '--enable-precise-memory-info',
  '--js-flags=--expose-gc',
]

let browser: Browser | undefined

/** The browser of this file, or leaves the scenario out. */
export async function openBrowser(context: TestContext): Promise<Browser> {
  if (!existsSync(CHROMIUM)) absent(context, CHROMIUM)
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS })
  return browser
}

/** Ends it, if it was started. */
export async function closeBrowser(): Promise<void> {
  await browser?.close()
  browser = undefined
}
