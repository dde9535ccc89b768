import { createInterface } from 'node:readline'
import { CliError } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'

const answerLimit = 4096

const ended = () => new CliError('usage', 'The question was not answered.')
const abortError = () => new DOMException('Interrupted', 'AbortError')

/** Asks on standard error and reads one line. Throws `CliError` at the end of input, `AbortError` on Ctrl-C. */
export const askLine = (terminal: Terminal, question: string): Promise<string> =>
  new Promise((resolve, reject) => {
    // Without readline's own terminal mode Ctrl-C stays a signal, which the process turns into an abort.
    const lines = createInterface({ input: terminal.stdin, terminal: false })
    const stop = () => finish(() => reject(abortError()))
    const finish = (settle: () => void) => {
      terminal.signal.removeEventListener('abort', stop)
      settle()
      lines.close()
    }
    terminal.signal.addEventListener('abort', stop, { once: true })
    lines.once('line', (line) => finish(() => resolve(line.slice(0, answerLimit).trim())))
    lines.once('close', () => reject(ended()))
    terminal.stderr.write(`${question}: `)
  })

type Typed = { readonly text: string; readonly end: 'no' | 'enter' | 'interrupt' | 'eof' }

/** What a line holds after more keys; pure, so that each key can be tested. */
export const typeKeys = (text: string, keys: string): Typed => {
  // Arrow and function keys come as one escape sequence and mean nothing in a hidden answer.
  if (keys.startsWith('\u001b')) return { text, end: 'no' }
  let line = text
  for (const key of keys) {
    if (key === '\r' || key === '\n') return { text: line, end: 'enter' }
    if (key === '\u0003') return { text: '', end: 'interrupt' }
    if (key === '\u0004' && line === '') return { text: '', end: 'eof' }
    if (key === '\u007f' || key === '\b') line = [...line].slice(0, -1).join('')
    else if (key === '\u0015') line = ''
    else if (key >= ' ' && line.length < answerLimit) line += key
  }
  return { text: line, end: 'no' }
}

/** Like `askLine`, but what is typed does not show. The terminal is put back in order whatever happens. */
export const askHidden = (terminal: Terminal, question: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { stdin, stderr, signal } = terminal
    const decoder = new TextDecoder()
    let text = ''
    const finish = (settle: () => void) => {
      stdin.off('data', onData).off('end', onEnd).pause()
      signal.removeEventListener('abort', onAbort)
      stdin.setRawMode?.(false)
      stderr.write('\n')
      settle()
    }
    const onEnd = () => finish(() => reject(ended()))
    const onAbort = () => finish(() => reject(abortError()))
    const onData = (chunk: Buffer | string) => {
      const typed = typeKeys(
        text,
        typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }),
      )
      text = typed.text
      if (typed.end === 'enter') finish(() => resolve(typed.text))
      if (typed.end === 'interrupt') onAbort()
      if (typed.end === 'eof') onEnd()
    }
    if (signal.aborted) return reject(abortError())
    stderr.write(`${question}: `)
    stdin.setRawMode?.(true)
    signal.addEventListener('abort', onAbort, { once: true })
    stdin.on('data', onData).on('end', onEnd).resume()
  })
