import { mkdtempSync, rmSync, statSync, writeFileSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fakeTerminal } from '../../test/fake-terminal.ts'
import { writeSecretFile } from '../output/secret-file.ts'
import { typeKeys } from './prompt.ts'
import { findSecondFactor } from './second-factor.ts'
import { createQuestions } from './secrets.ts'

let folder = ''
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'hearthold-secrets-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const password = { label: 'Password', flag: '--password-file', env: 'HEARTHOLD_PASSWORD_FILE' }
const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

describe('secrets from files and standard input', () => {
  it('takes the line end away and nothing else', async () => {
    const { secret } = createQuestions(fakeTerminal())
    expect(await secret({ ...password, file: file('a', ' pass word \n') })).toBe(' pass word ')
    expect(await secret({ ...password, file: file('b', 'crlf\r\n') })).toBe('crlf')
    expect(await secret({ ...password, file: file('c', 'no end') })).toBe('no end')
  })

  it.each([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['several lines', 'a\nb\n'],
    ['far too much', 'x'.repeat(70_000)],
  ])('refuses %s without showing it', async (_, content) => {
    const asking = createQuestions(fakeTerminal()).secret({
      ...password,
      file: file('bad', content),
    })
    await expect(asking).rejects.toMatchObject({
      exitCode: 2,
      message: 'Password: expected one line with the secret alone.',
    })
  })

  it('says which file is missing', async () => {
    const asking = createQuestions(fakeTerminal()).secret({
      ...password,
      file: join(folder, 'none'),
    })
    await expect(asking).rejects.toMatchObject({
      exitCode: 4,
      message: 'Password: the file does not exist.',
    })
  })

  it('reads standard input for "-", once', async () => {
    const terminal = fakeTerminal()
    terminal.stdin.end('from stdin\n')
    const { secret } = createQuestions(terminal)
    expect(await secret({ ...password, file: '-' })).toBe('from stdin')
    await expect(secret({ ...password, file: '-' })).rejects.toMatchObject({ exitCode: 2 })
  })

  it('names flag and variable where nobody can be asked', async () => {
    const { secret, text } = createQuestions(fakeTerminal())
    const advice = 'Give it by --password-file or HEARTHOLD_PASSWORD_FILE.'
    await expect(secret({ ...password, file: undefined })).rejects.toMatchObject({
      exitCode: 2,
      advice,
    })
    await expect(text({ ...password, value: undefined })).rejects.toMatchObject({
      exitCode: 2,
      advice,
    })
    expect(await text({ ...password, value: 'given' })).toBe('given')
  })
})

describe('questions on a terminal', () => {
  it('shows nothing of a secret, and puts the terminal back in order', async () => {
    const terminal = fakeTerminal({}, true)
    const asking = createQuestions(terminal).secret({ ...password, file: undefined })
    terminal.stdin.write('hun')
    terminal.stdin.write('terx\u007f2\r')
    expect(await asking).toBe('hunter2')
    expect(terminal.err()).toBe('Password: \n')
    expect(terminal.stdin.rawModes).toEqual([true, false])
  })

  it('asks twice for a new one', async () => {
    const askTwice = async (second: string) => {
      const terminal = fakeTerminal({}, true)
      const asking = createQuestions(terminal).secret({ ...password, file: undefined, twice: true })
      terminal.stdin.write('same\r')
      await turn()
      terminal.stdin.write(`${second}\r`)
      return asking
    }
    expect(await askTwice('same')).toBe('same')
    await expect(askTwice('other')).rejects.toMatchObject({ exitCode: 2 })
  })

  it.each([
    ['\u0003', 'AbortError'],
    ['\u0004', 'CliError'],
  ])('ends at %j', async (key, name) => {
    const terminal = fakeTerminal({}, true)
    const asking = createQuestions(terminal).secret({ ...password, file: undefined })
    terminal.stdin.write(key)
    await expect(asking).rejects.toMatchObject({ name })
    expect(terminal.stdin.rawModes).toEqual([true, false])
  })

  it('ends when the process is interrupted', async () => {
    const terminal = fakeTerminal({}, true)
    const hidden = createQuestions(terminal).secret({ ...password, file: undefined })
    terminal.abort()
    await expect(hidden).rejects.toMatchObject({ name: 'AbortError' })
    const other = fakeTerminal({}, true)
    const shown = createQuestions(other).text({ ...password, value: undefined })
    other.abort()
    await expect(shown).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('reads a line that shows', async () => {
    const terminal = fakeTerminal({}, true)
    const asking = createQuestions(terminal).text({
      label: 'Name',
      flag: '--name',
      env: 'HEARTHOLD_NAME',
      value: undefined,
    })
    terminal.stdin.write(' ann \n')
    expect(await asking).toBe('ann')
    expect(terminal.err()).toBe('Name: ')
    const ended = fakeTerminal({}, true)
    const waiting = createQuestions(ended).text({ ...password, value: undefined })
    ended.stdin.end()
    await expect(waiting).rejects.toMatchObject({ exitCode: 2 })
  })

  it('knows the keys of a line', () => {
    expect(typeKeys('ab', '\u0015c')).toEqual({ text: 'c', end: 'no' })
    expect(typeKeys('a😀', '\u007f')).toEqual({ text: 'a', end: 'no' })
    expect(typeKeys('ab', '\u001b[A')).toEqual({ text: 'ab', end: 'no' })
    expect(typeKeys('ab', '\u0004')).toEqual({ text: 'ab', end: 'no' })
    expect(typeKeys('', 'Grüße\n')).toEqual({ text: 'Grüße', end: 'enter' })
  })
})

describe('the second factor', () => {
  it('is computed, read, or asked', async () => {
    const none = { totpSecretFile: undefined, codeFile: undefined }
    const codeOf = (secret: string, at: number) => `${secret}@${at}`
    const questions = createQuestions(fakeTerminal())
    expect(
      await findSecondFactor(
        questions,
        { ...none, totpSecretFile: file('totp', 'abcd efgh\n') },
        codeOf,
        7,
      ),
    ).toBe('ABCDEFGH@7')
    expect(
      await findSecondFactor(questions, { ...none, codeFile: file('code', '123456\n') }, codeOf, 7),
    ).toBe('123456')
    await expect(findSecondFactor(questions, none, codeOf, 7)).rejects.toMatchObject({
      exitCode: 2,
    })
  })
})

describe('writeSecretFile', () => {
  it('writes 0600 and never over something else', async () => {
    const path = join(folder, 'recovery-key')
    await writeSecretFile(path, 'ABCD')
    expect(readFileSync(path, 'utf8')).toBe('ABCD\n')
    expect(statSync(path).mode & 0o077).toBe(0)
    await expect(writeSecretFile(path, 'EFGH')).rejects.toMatchObject({ exitCode: 5 })
    expect(readFileSync(path, 'utf8')).toBe('ABCD\n')
    await expect(writeSecretFile(join(folder, 'no', 'folder'), 'x')).rejects.toMatchObject({
      exitCode: 1,
    })
  })
})
