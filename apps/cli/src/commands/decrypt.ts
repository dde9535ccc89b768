import { createReadStream, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { decryptObject, type ExportedKey } from '@hearthold/member'
import { CliError } from '../cli-error.ts'
import {
  checkReplaceable,
  createFileWriter,
  createUnfinished,
  TakenError,
} from '../disk/file-writer.ts'
import { formatBytes, printable } from '../output/text.ts'
import { writeTo, type Terminal } from '../terminal.ts'
import { defineVerb } from './verb.ts'

const pieceBytes = 1024 * 1024

const isHex = (value: unknown, digits: number): value is string =>
  typeof value === 'string' && value.length === digits && /^[0-9a-f]*$/.test(value)

const isKey = (value: unknown): value is ExportedKey => {
  const key = value as Partial<Record<keyof ExportedKey, unknown>> | null
  return (
    typeof key === 'object' &&
    key !== null &&
    isHex(key.object, 32) &&
    isHex(key.key, 64) &&
    isHex(key.commitment, 64) &&
    typeof key.path === 'string' &&
    Number.isSafeInteger(key.sizeBytes)
  )
}

/** The keys of a file that `share keys` wrote; what it holds never shows. */
const readKeys = async (path: string): Promise<ExportedKey[]> => {
  const text = await readFile(path, 'utf8')
  try {
    const { version, keys } = JSON.parse(text) as { version?: unknown; keys?: unknown }
    if (version === 1 && Array.isArray(keys)) return keys.filter(isKey)
  } catch {
    // The parser's message would repeat a part of the keys.
  }
  throw new CliError(
    'usage',
    'The file of --keys cannot be read.',
    'Give the file that hearthold share keys wrote.',
  )
}

const objectOf = (file: string, named: string | undefined): string => {
  const id = named ?? basename(file).replace(/\.enc$/, '')
  if (isHex(id, 32)) return id
  throw new CliError(
    'usage',
    'The stored object has no id.',
    'Keep its name (32 hex digits and .enc), or give the id by --object.',
  )
}

const write = async (
  target: string,
  chunks: AsyncIterable<Uint8Array>,
  force: boolean,
): Promise<void> => {
  const unfinished = createUnfinished()
  const placing = { unfinished, force, made: new Set<string>() }
  process.once('exit', unfinished.removeAll)
  try {
    checkReplaceable(target, placing)
    const attributes = { mode: 0o600, modifiedAt: undefined }
    const writer = createFileWriter(target, attributes, placing)
    try {
      for await (const chunk of chunks) await writer.write(chunk)
      await writer.close()
    } catch (error) {
      await writer.abort()
      throw error
    }
  } catch (error) {
    if (!(error instanceof TakenError)) throw error
    throw new CliError(
      'conflict',
      `${printable(target)} is already there.`,
      'Name another by --out, or add --force.',
    )
  } finally {
    process.off('exit', unfinished.removeAll)
    unfinished.removeAll()
  }
}

const print = async ({ stdout }: Terminal, chunks: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const chunk of chunks) {
    await new Promise<void>((done, fail) => {
      stdout.write(chunk, (error) => (error ? fail(error) : done()))
    })
  }
}

export const decryptVerb = defineVerb({
  example:
    'hearthold decrypt 0f3a91c2d4e5f60718293a4b5c6d7e8f.enc --keys photos-keys.json --out img_1.jpg',
  arguments: [
    {
      name: 'file',
      summary: "A stored object, as it lies on the server's disk",
      required: true,
      completes: 'file',
    },
  ],
  options: [
    {
      name: 'keys',
      value: 'FILE',
      summary: 'The file that `share keys` wrote',
      env: 'HEARTHOLD_KEYS',
      completes: 'file',
    },
    {
      name: 'out',
      value: 'FILE',
      summary: 'Where to; its own name in this folder if absent, - for standard output',
      env: 'HEARTHOLD_OUT',
      completes: 'file',
    },
    {
      name: 'object',
      value: 'ID',
      summary: "The object's id, where the file has another name",
      env: 'HEARTHOLD_OBJECT',
    },
    { name: 'force', short: 'f', summary: 'Replace a file that is there', env: 'HEARTHOLD_FORCE' },
  ],
  run: async (call) => {
    const { file } = call.arguments
    const object = objectOf(file, call.options.object)
    const keysPath = await call.questions.text({
      label: 'File with the keys',
      flag: '--keys',
      env: 'HEARTHOLD_KEYS',
      value: call.options.keys,
    })
    const key = (await readKeys(keysPath)).find((one) => one.object === object)
    if (!key) {
      throw new CliError(
        'notFound',
        'The keys hold none for this object.',
        'Export them again: hearthold share keys SHARE --out FILE',
      )
    }
    const storedBytes = statSync(file).size
    const stored = createReadStream(file, {
      highWaterMark: pieceBytes,
      signal: call.terminal.signal,
    })
    const chunks = decryptObject({ ...key, storedBytes }, stored)
    const { sizeBytes, path, version } = key
    const { out } = call.options
    if (out === '-') {
      if (call.json) {
        throw new CliError(
          'usage',
          'Standard output cannot take both the file and JSON.',
          'Leave out --json, or name a file by --out.',
        )
      }
      await print(call.terminal, chunks)
      return { data: { object, path, version, sizeBytes }, text: '' }
    }
    const target = resolve(out ?? basename(path))
    await write(target, chunks, call.options.force)
    const data = { object, path, version, sizeBytes, file: target }
    if (!call.quiet && !call.json)
      await writeTo(call.terminal.stderr, `Every segment was verified.\n`)
    return {
      data,
      text: `Opened ${printable(path)} (${formatBytes(sizeBytes)}) into ${printable(target)}.\n`,
    }
  },
})
