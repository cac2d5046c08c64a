// The language in which each message is declared once, as data: fields with version ranges,
// nullability, defaults and tags. The TypeScript types of a message derive from its declaration
// here; compile.ts derives encoder and decoder. Knows no message and no bytes. Follows the meaning
// of Apache Kafka's own schema files (clients/src/main/resources/common/message/README.md).

import { type TopicId, ZERO_TOPIC_ID } from '../core/ids.ts'

/**
 * Options of a field.
 * - `from`, `until`: first and last version that has it (default: all).
 * - `nullable`: true when null is allowed in every version, a number when from that version on.
 * - `tag`: it is a tagged field (KIP-482) of every version that has it, left out when it equals its
 *   default.
 * - `default`: what it decodes to where a version lacks it, and what is sent when it is not given.
 *   Without this option it must be given to encode, and decodes to zero, '', [] or null.
 */
export interface Options<T> {
  readonly from?: number
  readonly until?: number
  readonly nullable?: true | number
  readonly tag?: number
  readonly default?: T | null
}

/** Kinds of fields that hold no other field. */
export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'bigint64'
  | 'float64'
  | 'string'
  | 'uuid'
  | 'bytes'
  | 'records'

interface Common {
  readonly from: number
  readonly until: number
  /** Infinity: never null. */
  readonly nullableFrom: number
  /** -1: an ordinary field. */
  readonly tag: number
  /** What a version without the field decodes to. */
  readonly default: unknown
}

interface ScalarShape extends Common {
  readonly kind: ScalarKind
}

interface ArrayShape extends Common {
  readonly kind: 'array'
  readonly element: Shape
}

interface StructShape extends Common {
  readonly kind: 'struct'
  readonly fields: Readonly<Record<string, Shape>>
}

/** A field as data, which compile.ts walks. */
export type Shape = ScalarShape | ArrayShape | StructShape

declare const types: unique symbol

/** A field with its types: what it decodes to, what it encodes from, whether it may be left out. */
export type Field<D = unknown, E = unknown, Optional extends boolean = boolean> = Shape & {
  readonly [types]?: { readonly decoded: D; readonly encodable: E; readonly optional: Optional }
}

/** A struct's fields by name, in wire order. */
export type Fields = Readonly<Record<string, Field>>

/** What a field decodes to: every field of a struct present. */
export type Decoded<F> = F extends Field<infer D, unknown, boolean> ? D : never

/** What a field encodes from: fields with a default may be left out. */
export type Encodable<F> = F extends Field<unknown, infer E, boolean> ? E : never

type OptionalKeys<S> = {
  [K in keyof S]: S[K] extends Field<unknown, unknown, infer O>
    ? O extends true
      ? K
      : never
    : never
}[keyof S]

type Flat<T> = { [K in keyof T]: T[K] }

type DecodedStruct<S> = { readonly [K in keyof S]: Decoded<S[K]> }
type EncodableStruct<S> = Flat<
  { readonly [K in Exclude<keyof S, OptionalKeys<S>>]: Encodable<S[K]> } & {
    readonly [K in OptionalKeys<S>]?: Encodable<S[K]> | undefined
  }
>

type None = Readonly<Record<never, never>>
type Null<O> = O extends { readonly nullable: true | number } ? null : never
type IsOptional<O> = O extends { readonly default: unknown } | { readonly tag: number }
  ? true
  : false

/** `records`: null, or bytes as one piece or several that are sent one after the other. */
export type RecordsToSend = Uint8Array | readonly Uint8Array[] | null

function common(options: Options<unknown>, implied: unknown): Common {
  const { nullable } = options
  return {
    from: options.from ?? 0,
    until: options.until ?? Number.POSITIVE_INFINITY,
    nullableFrom: nullable === true ? 0 : (nullable ?? Number.POSITIVE_INFINITY),
    tag: options.tag ?? -1,
    default: options.default === undefined ? implied : options.default,
  }
}

function scalar<T>(kind: ScalarKind, implied: T) {
  return <const O extends Options<T> = None>(
    options?: O,
  ): Field<T | Null<O>, T | Null<O>, IsOptional<O>> => ({
    kind,
    ...common(options ?? {}, implied),
  })
}

/** One byte; anything but zero is true. */
export const bool = scalar<boolean>('bool', false)
/** A signed byte. */
export const int8 = scalar<number>('int8', 0)
/** A signed integer of 2 bytes. */
export const int16 = scalar<number>('int16', 0)
/** An unsigned integer of 2 bytes. */
export const uint16 = scalar<number>('uint16', 0)
/** A signed integer of 4 bytes. */
export const int32 = scalar<number>('int32', 0)
/** An int64 that is an offset, time or size: a number, exact to ±2^53, else the nearest double. */
export const int64 = scalar<number>('int64', 0)
/** An int64 of which every bit counts (producer ids). */
export const bigint64 = scalar<bigint>('bigint64', 0n)
/** An IEEE 754 double. */
export const float64 = scalar<number>('float64', 0)
/** UTF-8 of at most 32,767 bytes. */
export const string = scalar<string>('string', '')
/** 16 bytes as 22 characters of base64url; ZERO_TOPIC_ID means none. */
export const uuid = scalar<TopicId>('uuid', ZERO_TOPIC_ID)
/** Bytes, read as a view into the frame. */
export const bytes = scalar<Uint8Array>('bytes', new Uint8Array(0))

/** Record batches, nullable in every version: read as a view into the frame, sent by reference. */
export function records<const O extends Options<null> = None>(
  options?: O,
): Field<Uint8Array | null, RecordsToSend, IsOptional<O>> {
  return { kind: 'records', ...common({ ...options, nullable: true }, null) }
}

/** An array of fields of one kind; the element's own options do not count. */
export function array<F extends Field, const O extends Options<readonly Encodable<F>[]> = None>(
  element: F,
  options?: O,
): Field<readonly Decoded<F>[] | Null<O>, readonly Encodable<F>[] | Null<O>, IsOptional<O>> {
  return { kind: 'array', element, ...common(options ?? {}, Object.freeze([])) }
}

/** A struct of fields in wire order. Its implied default is a struct of its fields' defaults. */
export function struct<const S extends Fields, const O extends Options<null> = None>(
  fields: S,
  options?: O,
): Field<DecodedStruct<S> | Null<O>, EncodableStruct<S> | Null<O>, IsOptional<O>> {
  return { kind: 'struct', fields, ...common(options ?? {}, defaultsOf(fields)) }
}

/** A struct value with each field at its default; frozen, since it is shared. */
function defaultsOf(fields: Readonly<Record<string, Shape>>): Readonly<Record<string, unknown>> {
  const value: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) value[name] = field.default
  return Object.freeze(value)
}

/** A whole message: a struct. */
export type Message = Field<object, object>

/** One API: its request and response, and the versions that we parse and encode. */
export interface Api<Request extends Message = Message, Response extends Message = Message> {
  readonly key: number
  readonly name: string
  /** First and last version, both included. */
  readonly versions: readonly [number, number]
  /** First version with compact lengths and tagged fields. */
  readonly flexible: number
  readonly request: Request
  readonly response: Response
}

/** Some API, where it does not matter which. */
export type AnyApi = Api

/** Declares an API. */
export function api<Request extends Message, Response extends Message>(
  declaration: Api<Request, Response>,
): Api<Request, Response> {
  return declaration
}

/** A decoded request: every field present, absent ones at their default. */
export type RequestOf<A extends AnyApi> = Decoded<A['request']>

/** A response to encode: fields with a default may be left out. */
export type ResponseOf<A extends AnyApi> = Encodable<A['response']>

/** A request to encode: a client's half. */
export type RequestToSend<A extends AnyApi> = Encodable<A['request']>

/** A decoded response: a client's half. */
export type ResponseRead<A extends AnyApi> = Decoded<A['response']>
