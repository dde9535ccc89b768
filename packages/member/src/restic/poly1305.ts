/**
 * Poly1305 (RFC 8439, 2.5). The loop over whole blocks is WebAssembly: 64-bit products make it about five times as fast
 * as what JavaScript can do with 53 bits, and it is the slowest step of opening a pack otherwise. The module is put
 * together here, from the formulas, so that no binary has to be believed. The end of a message is done with BigInt.
 */

const [i32, i64] = [0x7f, 0x7e]
const op = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: [0x0b],
  leaveUnlessLess: [0x49, 0x45, 0x0d, 1],
  again: [0x0c, 0],
  add: [0x7c],
  mul: [0x7e],
  and: [0x83],
  or: [0x84],
  shl: [0x86],
  shr: [0x88],
} as const
type Code = readonly number[]

const unsigned = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
const signed = (value: number): number[] => {
  const rest = Math.floor(value / 128)
  const low = value - rest * 128
  return rest === 0 && low < 64 ? [low] : [low | 0x80, ...signed(rest)]
}

const get = (local: number): Code => [0x20, ...unsigned(local)]
const set = (local: number): Code => [0x21, ...unsigned(local)]
const constant = (value: number): Code => [0x42, ...signed(value)]
const load = (offset: number): Code => [0x29, 3, ...unsigned(offset)]
const store = (offset: number): Code => [0x37, 3, ...unsigned(offset)]
const zero: Code = [0x41, 0]
const mask = 0x3ffffff
const limbs = [0, 1, 2, 3, 4] as const

// Locals: two parameters, then the limbs of 26 bits.
const [at, until] = [0, 1]
const r = (limb: number): number => 2 + limb
/** Five times r: what lies beyond 2^130 comes back so. */
const s = (limb: number): number => 6 + limb
const h = (limb: number): number => 11 + limb
const d = (limb: number): number => 16 + limb
const [low, high] = [21, 22]
const localCount = 21

const fieldOf = (limb: number): Code =>
  [
    [...get(low)],
    [...get(low), ...constant(26), ...op.shr],
    [...get(low), ...constant(52), ...op.shr, ...get(high), ...constant(12), ...op.shl, ...op.or],
    [...get(high), ...constant(14), ...op.shr],
    [...get(high), ...constant(40), ...op.shr, ...constant(2 ** 24), ...op.or],
  ][limb] ?? []

const addBlock = (): Code => [
  ...[...get(at), ...load(0), ...set(low), ...get(at), ...load(8), ...set(high)],
  ...limbs.flatMap((limb) => [
    ...[...get(h(limb)), ...fieldOf(limb), ...constant(mask), ...op.and],
    ...[...op.add, ...set(h(limb))],
  ]),
]

const multiply = (): Code =>
  limbs.flatMap((to) => [
    ...limbs.flatMap((from) => [
      ...[...get(h(from)), ...get(from <= to ? r(to - from) : s(5 + to - from)), ...op.mul],
      ...(from === 0 ? [] : op.add),
    ]),
    ...set(d(to)),
  ])

/** What limb `from` has beyond 26 bits goes to `to`, `times` over. */
const carry = (from: number, to: number, times = 1): Code => [
  ...[...get(to), ...get(from), ...constant(26), ...op.shr],
  ...(times === 1 ? [] : [...constant(times), ...op.mul]),
  ...[...op.add, ...set(to), ...get(from), ...constant(mask), ...op.and, ...set(from)],
]

const reduce = (): Code => [
  ...[0, 1, 2, 3].flatMap((limb) => carry(d(limb), d(limb + 1))),
  ...carry(d(4), d(0), 5),
  ...carry(d(0), d(1)),
  ...limbs.flatMap((limb) => [...get(d(limb)), ...set(h(limb))]),
]

const readState = (): Code => [
  ...limbs.flatMap((limb) => [...zero, ...load(limb * 8), ...set(r(limb))]),
  ...[1, 2, 3, 4].flatMap((limb) => [
    ...[...get(r(limb)), ...constant(5), ...op.mul, ...set(s(limb))],
  ]),
  ...limbs.flatMap((limb) => [...zero, ...load(40 + limb * 8), ...set(h(limb))]),
]

const body = (): Code => [
  ...[1, localCount, i64],
  ...readState(),
  ...[...op.block, ...op.loop, ...get(at), ...get(until), ...op.leaveUnlessLess],
  ...[...addBlock(), ...multiply(), ...reduce()],
  // The next block: 16 on, as i32.
  ...[...get(at), 0x41, 16, 0x6a, ...set(at), ...op.again, ...op.end, ...op.end],
  ...limbs.flatMap((limb) => [...zero, ...get(h(limb)), ...store(40 + limb * 8)]),
  ...op.end,
]

const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content]
const named = (name: string): Code => [name.length, ...new TextEncoder().encode(name)]

const stateBytes = 128
const roomBytes = 256 * 1024
const pages = roomBytes / 65_536 + 1

const moduleBytes = (): Uint8Array<ArrayBuffer> => {
  const code = body()
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, i32, i32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, pages]),
    ...section(7, [2, ...named('memory'), 2, 0, ...named('blocks'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ])
}

type Machine = {
  readonly state: BigInt64Array
  readonly room: Uint8Array
  readonly blocks: (at: number, until: number) => void
}
let machine: Machine | undefined

const startMachine = (): Machine => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()))
  const { buffer } = exports['memory'] as WebAssembly.Memory
  return {
    state: new BigInt64Array(buffer, 0, 10),
    room: new Uint8Array(buffer, stateBytes, roomBytes),
    blocks: exports['blocks'] as Machine['blocks'],
  }
}

const prime = 2n ** 130n - 5n
const clamp = 0x0ffffffc0ffffffc0ffffffc0fffffffn
const limb = BigInt(mask)

const toBigInt = (bytes: Uint8Array): bigint => {
  let value = 0n
  for (let index = bytes.length - 1; index >= 0; index--)
    value = (value << 8n) | BigInt(bytes[index] ?? 0)
  return value
}

/** All whole blocks of `message`, multiplied by `factor`. */
const sumOfBlocks = (message: Uint8Array, wholeBytes: number, factor: bigint): bigint => {
  machine ??= startMachine()
  const { state, room, blocks } = machine
  for (const index of limbs) {
    state[index] = (factor >> BigInt(26 * index)) & limb
    state[5 + index] = 0n
  }
  for (let from = 0; from < wholeBytes; from += roomBytes) {
    const part = message.subarray(from, Math.min(wholeBytes, from + roomBytes))
    room.set(part)
    blocks(stateBytes, stateBytes + part.length)
  }
  let sum = 0n
  for (const index of limbs) sum += (state[5 + index] ?? 0n) << BigInt(26 * index)
  state.fill(0n)
  return sum % prime
}

/** The tag (16 bytes) of a message under a one-time key: `factor` (r, clamped here) and `summand` (s), 16 bytes each. */
export const poly1305 = (
  factor: Uint8Array,
  summand: Uint8Array,
  message: Uint8Array,
): Uint8Array<ArrayBuffer> => {
  const multiplier = toBigInt(factor) & clamp
  const wholeBytes = message.length - (message.length % 16)
  let sum = sumOfBlocks(message, wholeBytes, multiplier)
  if (wholeBytes < message.length) {
    const rest = message.subarray(wholeBytes)
    sum = ((sum + toBigInt(rest) + (1n << BigInt(8 * rest.length))) * multiplier) % prime
  }
  let tag = sum + toBigInt(summand)
  const bytes = new Uint8Array(16)
  for (let index = 0; index < 16; index++) {
    bytes[index] = Number(tag & 0xffn)
    tag >>= 8n
  }
  return bytes
}
