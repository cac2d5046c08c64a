// The console's page with who asks for it in it, and what they may: so it need not ask for that before it knows which
// controls to show. Not its files (assets.ts), and not who somebody is later on, which it asks /v1/me.

import { SECURITY_NAME_CHARACTERS } from '../core/limits/security.ts'
import type { Access } from '../security/access.ts'
import { escapeHtml } from './html.ts'
import type { Identity } from './identity.ts'
import { meOf } from './me.ts'

/** Views that are about one resource, whose name is the rest of the path. */
const ABOUT = /^\/(topics|groups)\/([^/]+)$/

/**
 * The page, told who reads it. As it was where the rules cannot be read now: it then asks by itself.
 * @param page the page as it was built, not yet read
 */
export async function pageFor(
  path: string,
  page: Response,
  identity: Identity,
  access: Access,
): Promise<Response> {
  const html = await page.text()
  const headers = new Headers(page.headers)
  // Of the file as it was built, which this is not.
  for (const name of ['content-length', 'etag', 'last-modified']) headers.delete(name)
  headers.set('cache-control', 'private, no-cache')
  const told = await toldOf(path, identity, access).catch(() => '')
  return new Response(
    html.replace('</head>', () => `${told}</head>`),
    { headers },
  )
}

async function toldOf(path: string, identity: Identity, access: Access): Promise<string> {
  await access.ready()
  const [, of, part = ''] = ABOUT.exec(path) ?? []
  const name = decodeURIComponent(part)
  const names = name === '' || name.length > SECURITY_NAME_CHARACTERS ? [] : [name]
  const me = meOf(identity, access, {
    topics: of === 'topics' ? names : [],
    groups: of === 'groups' ? names : [],
  })
  return `<meta name="ottla-me" content="${escapeHtml(JSON.stringify(me))}" />`
}
