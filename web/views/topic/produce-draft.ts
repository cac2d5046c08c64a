// What the produce form has in it: kept while the tab is away, and filled by "Send again".

import { signal } from '@preact/signals'
import type { HeaderShown, RecordShown } from '../../broker/shapes.ts'

/** The form's fields as they are typed. */
export interface Draft {
  readonly key: string
  readonly hasKey: boolean
  readonly value: string
  /** A record without a value deletes its key in a compacted topic. */
  readonly isTombstone: boolean
  /** Bytes that are no text came as base64, and go as such. */
  readonly isKeyBase64: boolean
  readonly isValueBase64: boolean
  readonly headers: readonly HeaderShown[]
  /** '' chooses by the key. */
  readonly partition: string
}

export const EMPTY: Draft = {
  key: '',
  hasKey: false,
  value: '',
  isTombstone: false,
  isKeyBase64: false,
  isValueBase64: false,
  headers: [],
  partition: '',
}

/** What is in the form. */
export const draft = signal<Draft>(EMPTY)

/** Puts a record there. Its partition is chosen anew, by its key. */
export function fillProduce({ key, keyBase64, value, valueBase64, headers }: RecordShown): void {
  draft.value = {
    key: keyBase64 ?? key ?? '',
    hasKey: keyBase64 !== undefined || (key !== null && key !== undefined),
    value: valueBase64 ?? value ?? '',
    isTombstone: valueBase64 === undefined && (value === null || value === undefined),
    isKeyBase64: keyBase64 !== undefined,
    isValueBase64: valueBase64 !== undefined,
    headers,
    partition: '',
  }
}

/** The record as the broker takes it. A string is its bytes: JSON that is typed stays as typed. */
export function recordOf(draft: Draft): Record<string, unknown> {
  const { key, hasKey, value, isTombstone, isKeyBase64, isValueBase64, headers, partition } = draft
  return {
    ...(hasKey ? { [isKeyBase64 ? 'keyBase64' : 'key']: key } : {}),
    ...(isTombstone ? { value: null } : { [isValueBase64 ? 'valueBase64' : 'value']: value }),
    ...(headers.length === 0 ? {} : { headers }),
    ...(partition === '' ? {} : { partition: Number(partition) }),
  }
}
