import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { completionScript, type NamedVerb } from './completion-script.ts'
import { defineVerb } from './verb.ts'

const verb = (choices?: readonly string[]) =>
  defineVerb({
    example: 'hearthold x',
    arguments: choices
      ? [{ name: 'a', summary: 'A', choices }]
      : [{ name: 'file', summary: 'F', completes: 'file' }],
    options: [
      {
        name: 'ca-file',
        value: 'FILE',
        summary: "The server's [own]: authority",
        env: 'HEARTHOLD_CA_FILE',
        completes: 'file',
      },
      { name: 'forever', summary: 'Really' },
    ],
    run: () => Promise.reject(new Error('not run')),
  })
const verbs: NamedVerb[] = [
  { name: 'put', summary: "Seal a file's bytes", verb: verb() },
  { name: 'share create', summary: 'Make a share', verb: verb(['one', 'two']) },
  { name: 'share list', summary: 'List: shares', verb: verb() },
  { name: 'vault bin', summary: 'Show the bin', verb: verb() },
  { name: 'vault bin restore', summary: 'Bring back', verb: verb(['all']) },
  { name: 'vault restore', summary: 'Write to a folder', verb: verb(['here']) },
]

/** What bash offers after these words. */
const bash = (...words: string[]): string[] => {
  const script = `${completionScript('bash', verbs)}
compopt() { :; }
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _hearthold; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
  return stdout.split('\n').filter((line) => line !== '')
}

describe('completion', () => {
  it('completes verbs, second words, options and choices in bash', () => {
    expect(bash('hearthold', '')).toEqual(['put', 'share', 'vault', '--help', '--version'])
    expect(bash('hearthold', 'sh')).toEqual(['share'])
    expect(bash('hearthold', 'share', '')).toEqual(['create', 'list'])
    expect(bash('hearthold', 'share', 'create', '')).toEqual([
      '--ca-file',
      '--forever',
      '--json',
      '--quiet',
      'one',
      'two',
    ])
    expect(bash('hearthold', 'put', '--f')).toEqual(['--forever'])
    expect(bash('hearthold', 'put', '--ca-file', '')).toEqual([])
  })

  it('completes names of three words, and after a name that may end earlier', () => {
    expect(bash('hearthold', 'vault', '')).toEqual(['bin', 'restore'])
    const ofBin = ['restore', '--ca-file', '--forever', '--json', '--quiet']
    expect(bash('hearthold', 'vault', 'bin', '')).toEqual(ofBin)
    expect(bash('hearthold', 'vault', 'bin', 'photos', '--j')).toEqual(['--json'])
    expect(bash('hearthold', 'vault', 'bin', 'restore', 'a')).toEqual(['all'])
    expect(bash('hearthold', 'vault', 'restore', 'h')).toEqual(['here'])
    const fish = completionScript('fish', verbs)
    expect(fish).toContain(
      `-n '__fish_seen_subcommand_from vault; and __fish_seen_subcommand_from restore; and not __fish_seen_subcommand_from bin' -a 'here'`,
    )
    expect(completionScript('zsh', verbs)).toContain(
      `'vault bin') next=('restore:Bring back'); _describe command next; return ;;`,
    )
  })

  it('quotes for zsh and fish what would end a string or a specification', () => {
    const zsh = completionScript('zsh', verbs)
    expect(zsh).toContain(String.raw`'--ca-file=[The server'\''s \[own\]\: authority]:FILE:_files'`)
    expect(zsh).toContain(String.raw`'list:List\: shares'`)
    const fish = completionScript('fish', verbs)
    expect(fish).toContain(String.raw`-l ca-file -d 'The server'\''s [own]: authority' -r -F`)
    expect(fish).toContain(`-a create -d 'Make a share'`)
  })
})
