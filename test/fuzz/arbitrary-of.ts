/** Values that fit a schema of the contract, for whoever walks or fuzzes the endpoints. */
import type { Endpoint } from '@hearthold/contract'
import * as fc from 'fast-check'

/** JSON Schema, as far as the contract uses it. */
export type Schema = {
  readonly type?: string
  readonly const?: unknown
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
}

/** Longest text and array that are made: larger ones are the business of the limits. */
const textLimit = 400
const itemsLimit = 8

const text = ({ pattern, minLength = 0, maxLength = textLimit }: Schema): fc.Arbitrary<string> => {
  const max = Math.min(maxLength, textLimit)
  if (pattern === undefined)
    return fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, max) })
  return fc.stringMatching(new RegExp(pattern)).map((value) => value.slice(0, max))
}

const object = ({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> =>
  fc.record(
    Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name, arbitraryOf(schema)]),
    ),
    { requiredKeys: required.filter((name) => Object.hasOwn(properties, name)) },
  )

/** @throws Error for a kind of schema that the contract did not use when this was written */
export const arbitraryOf = (schema: Schema): fc.Arbitrary<unknown> => {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(arbitraryOf))
  const {
    minimum: min = 0,
    maximum: max = Number.MAX_SAFE_INTEGER,
    minItems = 0,
    maxItems = itemsLimit,
  } = schema
  switch (schema.type) {
    case 'string':
      return text(schema)
    case 'integer':
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 1000) }), fc.integer({ min, max }))
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(arbitraryOf(schema.items ?? {}), {
        minLength: minItems,
        maxLength: Math.min(maxItems, itemsLimit),
      })
    case 'object':
      return object(schema)
    default:
      throw new Error(`no values for a schema of type ${schema.type}`)
  }
}

/** Path, query and body of a request as its endpoint's schemas have them; bytes where the body is bytes. */
export type FittingRequest = {
  readonly params: Record<string, string>
  readonly query: Record<string, unknown>
  readonly body: unknown
}

export const requestOf = ({ params, query, body }: Endpoint): fc.Arbitrary<FittingRequest> =>
  fc.record({
    params: params === undefined ? fc.constant({}) : arbitraryOf(params as Schema),
    query: query === undefined ? fc.constant({}) : arbitraryOf(query as Schema),
    body:
      body === undefined
        ? fc.constant(undefined)
        : body === 'bytes'
          ? fc.uint8Array({ minLength: 1, maxLength: 200 })
          : arbitraryOf(body as Schema),
  }) as fc.Arbitrary<FittingRequest>

/** One such request, the same each time. */
export const sampleOf = (endpoint: Endpoint): FittingRequest => {
  const [sample] = fc.sample(requestOf(endpoint), { numRuns: 1, seed: 7 })
  if (sample === undefined) throw new Error(`no sample for ${endpoint.name}`)
  return sample
}
