import { open } from 'node:fs/promises'
import { CliError } from '../cli-error.ts'
import { canAsk, type Terminal } from '../terminal.ts'
import { askHidden, askLine } from './prompt.ts'

/** One thing to find out: by a flag, by the environment, or by asking. The command line has already put flag before environment. */
export type Question = {
  /** What it is, for the prompt and for errors: `Password`. */
  readonly label: string
  /** `--password-file`, and the variable that stands for it. */
  readonly flag: string
  readonly env: string
}
export type SecretQuestion = Question & {
  /** A path, or `-` for standard input; undefined to ask. */
  readonly file: string | undefined
  /** For new passwords: asked twice when typed. */
  readonly twice?: boolean
}

/** Finds out what a command must know. Secrets come from files, standard input or the keyboard, never from arguments. */
export type Questions = {
  secret(question: SecretQuestion): Promise<string>
  /** Something that is no secret, like a sign-in name. */
  text(question: Question & { readonly value: string | undefined }): Promise<string>
}

const secretLimitBytes = 64 * 1024

/** At most a little more than the limit, so that too long a secret is noticed and never taken in part. */
const readStream = async (stream: AsyncIterable<Buffer | string>): Promise<Buffer> => {
  const parts: Buffer[] = []
  let sizeBytes = 0
  for await (const part of stream) {
    const bytes = Buffer.from(part)
    parts.push(bytes)
    sizeBytes += bytes.length
    if (sizeBytes > secretLimitBytes) break
  }
  return Buffer.concat(parts)
}

const readFile = async (path: string, label: string): Promise<Buffer> => {
  try {
    const file = await open(path)
    try {
      return await readStream(file.createReadStream({ end: secretLimitBytes, autoClose: false }))
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as { code?: unknown }
    const missing = code === 'ENOENT'
    throw new CliError(
      missing ? 'notFound' : 'failure',
      `${label}: the file ${missing ? 'does not exist' : 'cannot be read'}.`,
      'Check the path and who may read it.',
    )
  }
}

/** The text of a secret file: without the line end that editors add, and nothing else taken away. */
const secretText = (bytes: Buffer, label: string): string => {
  const text = bytes.toString('utf8').replace(/\r?\n$/, '')
  if (text === '' || text.includes('\n') || bytes.length > secretLimitBytes) {
    throw new CliError(
      'usage',
      `${label}: expected one line with the secret alone.`,
      'Put the secret, and nothing else, in a file or on standard input.',
    )
  }
  return text
}

const cannotAsk = ({ label, flag, env }: Question) =>
  new CliError(
    'usage',
    `${label} is needed, and there is no terminal to ask on.`,
    `Give it by ${flag} or ${env}.`,
  )

/** Questions for one run; standard input can answer only one of them. */
export const createQuestions = (terminal: Terminal): Questions => {
  let stdinTaken = false
  const fromStdin = (label: string): Promise<Buffer> => {
    if (stdinTaken)
      throw new CliError(
        'usage',
        `${label}: standard input was already read for something else.`,
        'Only one of the files can be "-".',
      )
    stdinTaken = true
    return readStream(terminal.stdin)
  }
  return {
    secret: async (question) => {
      const { file, label } = question
      if (file !== undefined) {
        return secretText(
          file === '-' ? await fromStdin(label) : await readFile(file, label),
          label,
        )
      }
      if (!canAsk(terminal)) throw cannotAsk(question)
      const answer = await askHidden(terminal, label)
      if (answer === '') throw new CliError('usage', `${label} cannot be empty.`)
      if (question.twice && (await askHidden(terminal, `${label}, once more`)) !== answer) {
        throw new CliError('usage', 'The two were not the same.', 'Run the command again.')
      }
      return answer
    },
    text: async (question) => {
      if (question.value !== undefined) return question.value
      if (!canAsk(terminal)) throw cannotAsk(question)
      const answer = await askLine(terminal, question.label)
      if (answer === '') throw new CliError('usage', `${question.label} cannot be empty.`)
      return answer
    },
  }
}
