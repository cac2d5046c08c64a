// The JSON body of an administrative request, as its schema types it; such requests have no query.

import type * as z from 'zod/mini'
import { readJson } from './body.ts'
import { Problem } from './problem.ts'
import type { Asked } from './route.ts'
import { schemas } from './schemas.ts'
import { validate, validateQuery } from './validate.ts'

/** The body, or what is wrong with it, or with a query that should not be there. */
export async function checkedBody<Schema extends z.ZodMiniType>(
  { request, broker, query }: Asked,
  schema: Schema,
): Promise<z.output<Schema> | Problem> {
  const checked = validateQuery(schemas().noQuery, query)
  if (checked instanceof Problem) return checked
  const body = await readJson(request, broker)
  return body instanceof Problem ? body : validate(schema, body.value)
}
