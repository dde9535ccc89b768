import { describe, expect, test } from 'vitest'
import {
  linesByEnvironment,
  linesByFile,
  placeholders,
  repositoryFile,
  resticAddress,
  timerUnits,
} from './restic-lines.ts'

const place = { name: 'laptop', path: `/repositories/${'1'.repeat(32)}/laptop/` }
const credential = { user: 'laptop-k3f9t2ab', secret: 'abcdefghijklmnopqrstuvwxyz' }

describe('lines for restic', () => {
  test('the address is that of the server, with its port and the slash at the end', () => {
    expect(resticAddress('https://home.example:8443', place, credential)).toBe(
      `rest:https://laptop-k3f9t2ab:abcdefghijklmnopqrstuvwxyz@home.example:8443${place.path}`,
    )
    expect(resticAddress('http://localhost:3000', place, placeholders)).toContain('USER:SECRET@')
  })

  test('the repository file is that address and nothing more', () => {
    expect(repositoryFile('https://home.example', place, credential)).toBe(
      `${resticAddress('https://home.example', place, credential)}\n`,
    )
  })

  test('what is to be typed holds the secret only where it must', () => {
    expect(linesByEnvironment('https://home.example', place, credential)).toContain(
      credential.secret,
    )
    expect(linesByFile(place)).toContain('"$HOME/.config/restic/laptop.repository"')
    expect(timerUnits(place)).not.toContain('SECRET')
  })
})
