/**
 * The part of JSON Schema that our answers use, read from the endpoint's own schema. Two reasons not to use a general validator here:
 * the web app forbids `eval` and counts every kilobyte, and an answer of a newer server may have members
 * that this version does not know: they are dropped, where a strict check would lock every older client out.
 */
type Node = {
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly Node[]
  readonly items?: Node
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
}

/** The keywords understood here; a test walks all endpoints and fails on any other. */
export const knownKeywords: readonly string[] = [
  'type',
  'const',
  'anyOf',
  'items',
  'properties',
  'required',
  'additionalProperties',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'description',
]

/** An answer that does not fit its schema; `path` names our own members, never a value. */
export class AnswerMismatch extends Error {
  readonly path: string

  constructor(path: string) {
    super(`The answer does not fit at ${path}`)
    this.name = 'AnswerMismatch'
    this.path = path
  }
}

const patterns = new Map<string, RegExp>()
const matches = (pattern: string, text: string): boolean => {
  let compiled = patterns.get(pattern)
  if (!compiled) patterns.set(pattern, (compiled = new RegExp(pattern, 'u')))
  return compiled.test(text)
}

const readString = (node: Node, value: unknown, path: string): string => {
  if (typeof value !== 'string') throw new AnswerMismatch(path)
  // JSON Schema counts code points; only a text near the limit needs the exact count.
  const tooLong =
    value.length > (node.maxLength ?? Infinity) && [...value].length > (node.maxLength ?? Infinity)
  const tooShort =
    value.length < 2 * (node.minLength ?? 0) && [...value].length < (node.minLength ?? 0)
  if (tooLong || tooShort || (node.pattern !== undefined && !matches(node.pattern, value)))
    throw new AnswerMismatch(path)
  return value
}

const readInteger = (node: Node, value: unknown, path: string): number => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new AnswerMismatch(path)
  if (value < (node.minimum ?? -Infinity) || value > (node.maximum ?? Infinity))
    throw new AnswerMismatch(path)
  return value
}

const readArray = (node: Node, value: unknown, path: string): unknown[] => {
  if (!Array.isArray(value)) throw new AnswerMismatch(path)
  if (value.length < (node.minItems ?? 0) || value.length > (node.maxItems ?? Infinity))
    throw new AnswerMismatch(path)
  const { items } = node
  return items === undefined ? value : value.map((item) => readNode(items, item, `${path}[]`))
}

const readObject = (node: Node, value: unknown, path: string): Record<string, unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AnswerMismatch(path)
  const known: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    if (Object.hasOwn(value, name)) {
      known[name] = readNode(property, (value as Record<string, unknown>)[name], `${path}.${name}`)
    } else if (node.required?.includes(name)) throw new AnswerMismatch(`${path}.${name}`)
  }
  return known
}

const readAnyOf = (choices: readonly Node[], value: unknown, path: string): unknown => {
  for (const choice of choices) {
    try {
      return readNode(choice, value, path)
    } catch (error) {
      if (!(error instanceof AnswerMismatch)) throw error
    }
  }
  throw new AnswerMismatch(path)
}

const readNode = (node: Node, value: unknown, path: string): unknown => {
  if (node.anyOf) return readAnyOf(node.anyOf, value, path)
  if (node.const !== undefined) {
    if (value !== node.const) throw new AnswerMismatch(path)
    return value
  }
  switch (node.type) {
    case 'string':
      return readString(node, value, path)
    case 'integer':
      return readInteger(node, value, path)
    case 'number':
    case 'boolean':
      if (typeof value !== node.type) throw new AnswerMismatch(path)
      return value
    case 'null':
      if (value !== null) throw new AnswerMismatch(path)
      return value
    case 'array':
      return readArray(node, value, path)
    case 'object':
      return readObject(node, value, path)
    default:
      throw new TypeError('A schema uses a type that answers cannot have')
  }
}

/** `value` reduced to the members that `schema` (TypeBox, so JSON Schema) knows. Throws `AnswerMismatch`. */
export const readAnswer = (schema: object, value: unknown): unknown =>
  readNode(schema, value, 'answer')
