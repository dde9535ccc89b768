/** How the demos speak: progress on standard error, with seconds since the start. */
import type { Find } from '../plaintext-scanner.ts'

const started = performance.now()

export const say = (text: string): void => {
  process.stderr.write(
    `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}\n`,
  )
}

export const secondsSoFar = (): number => Math.round((performance.now() - started) / 100) / 10

export const yesOrNo = (value: boolean): string => (value ? 'yes' : 'NO')

export const showFind = ({ file, offset, what }: Find): string =>
  `${file} holds ${what}, at byte ${offset}`
