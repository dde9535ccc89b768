import { commonOptions } from './options.ts'
import type { Option, Verb } from './verb.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A verb with its name and summary, as the scripts need it. */
export type NamedVerb = { readonly name: string; readonly summary: string; readonly verb: Verb }

const optionsOf = ({ verb }: NamedVerb): readonly Option[] => [...verb.options, ...commonOptions]

/** Our texts are plain, but a quote in a summary must not end a shell's string. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** The first words (verbs and groups), each once, with a summary where it is a verb. */
const firstWords = (verbs: readonly NamedVerb[]): ReadonlyMap<string, string> =>
  new Map(
    verbs.map(({ name, summary }) => [
      name.split(' ')[0] ?? name,
      name.includes(' ') ? '' : summary,
    ]),
  )

const secondWords = (verbs: readonly NamedVerb[], group: string): readonly NamedVerb[] =>
  verbs.filter(({ name }) => name.startsWith(`${group} `))

const groupsOf = (verbs: readonly NamedVerb[]): readonly string[] =>
  [...firstWords(verbs).keys()].filter((word) => secondWords(verbs, word).length > 0)

/** Words of an option's or argument's choices, and whether files may follow. */
const choicesOf = ({ verb }: NamedVerb): readonly string[] =>
  verb.arguments.flatMap(({ choices }) => choices ?? [])
const takesFiles = ({ verb }: NamedVerb): boolean =>
  verb.arguments.some(({ completes }) => completes !== undefined)

const bashCase = (named: NamedVerb): string => {
  const files = optionsOf(named)
    .filter(({ completes }) => completes !== undefined)
    .map(({ name }) => `--${name}`)
  const words = [...optionsOf(named).map(({ name }) => `--${name}`), ...choicesOf(named)]
  const before =
    files.length > 0
      ? `case "$previous" in ${files.join('|')}) compopt -o default; return;; esac; `
      : ''
  const after = takesFiles(named) ? ' compopt -o default;' : ''
  return `    ${quoted(named.name)}) ${before}words=${quoted(words.join(' '))};${after} ;;`
}

/** Second words, and the options where the first word is a verb by itself. */
const bashGroup = (verbs: readonly NamedVerb[], group: string): string => {
  const own = verbs.find(({ name }) => name === group)
  const words = [
    ...secondWords(verbs, group).map(({ name }) => name.slice(group.length + 1)),
    ...(own ? optionsOf(own).map(({ name }) => `--${name}`) : []),
  ]
  return `    ${quoted(group)}) words=${quoted(words.join(' '))} ;;`
}

const bashScript = (verbs: readonly NamedVerb[]): string => `# hearthold completion for bash
_hearthold() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words='' verb='' word
  local index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $word != -* && ( -z $verb || $verb =~ ^(${groupsOf(verbs).join('|') || '-'})$ ) ]]; then verb="\${verb:+$verb }$word"; fi
  done
  COMPREPLY=()
  case "$verb" in
    '') words=${quoted([...firstWords(verbs).keys(), '--help', '--version'].join(' '))} ;;
${groupsOf(verbs)
  .map((group) => bashGroup(verbs, group))
  .concat(verbs.filter(({ name }) => !groupsOf(verbs).includes(name)).map(bashCase))
  .join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _hearthold hearthold
`

/** In zsh's specifications brackets and colons have a meaning of their own. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, String.raw`\$&`)

const zshOption = ({ name, summary, value, completes, choices }: Option): string => {
  if (value === undefined) return quoted(`--${name}[${zshText(summary)}]`)
  const action = choices ? `(${choices.join(' ')})` : completes ? '_files' : ' '
  return quoted(`--${name}=[${zshText(summary)}]:${zshText(value)}:${action}`)
}

const zshArguments = (named: NamedVerb): string => {
  const specs = named.verb.arguments.map(({ name, many, completes, choices }) =>
    quoted(
      `${many ? '*' : ''}:${zshText(name)}:${choices ? `(${choices.join(' ')})` : completes ? '_files' : ' '}`,
    ),
  )
  return `    ${quoted(named.name)}) _arguments ${[...optionsOf(named).map(zshOption), ...specs].join(' ')} ;;`
}

const zshDescribed = (pairs: readonly (readonly [string, string])[]): string =>
  pairs
    .map(([word, summary]) => quoted(summary === '' ? word : `${word}:${zshText(summary)}`))
    .join(' ')

const zshScript = (verbs: readonly NamedVerb[]): string => `#compdef hearthold
_hearthold() {
  local -a first
  first=(${zshDescribed([...firstWords(verbs)])})
  if (( CURRENT == 2 )); then _describe command first; return; fi
  local verb=$words[2]
  case $verb in
${groupsOf(verbs)
  .map((group) => {
    const pairs = secondWords(verbs, group).map(
      ({ name, summary }) => [name.slice(group.length + 1), summary] as const,
    )
    return `    ${group}) local -a second; second=(${zshDescribed(pairs)}); if [[ $words[3] != -* ]]; then if (( CURRENT == 3 )); then _describe command second; return; fi; verb="$verb $words[3]"; shift words; (( CURRENT-- )); fi ;;`
  })
  .join('\n')}
  esac
  shift words; (( CURRENT-- ))
  case $verb in
${verbs.map(zshArguments).join('\n')}
  esac
}
compdef _hearthold hearthold
`

const fishOption = (condition: string, { name, summary, value, completes }: Option): string =>
  `complete -c hearthold -n ${quoted(condition)} -l ${name} -d ${quoted(summary)}${value === undefined ? '' : completes ? ' -r -F' : ' -x'}`

const fishVerb = (named: NamedVerb): readonly string[] => {
  const words = named.name.split(' ')
  const [first = '', second] = words
  const used = `__fish_seen_subcommand_from ${first}`
  const condition =
    second === undefined ? used : `${used}; and __fish_seen_subcommand_from ${second}`
  const offered =
    second === undefined
      ? `complete -c hearthold -n '__fish_use_subcommand' -a ${first} -d ${quoted(named.summary)}`
      : `complete -c hearthold -n ${quoted(`${used}; and not __fish_seen_subcommand_from ${second}`)} -a ${second} -d ${quoted(named.summary)}`
  const choices = choicesOf(named)
  return [
    offered,
    ...optionsOf(named).map((option) => fishOption(condition, option)),
    ...(choices.length > 0
      ? [`complete -c hearthold -n ${quoted(condition)} -a ${quoted(choices.join(' '))}`]
      : []),
    ...(takesFiles(named) ? [`complete -c hearthold -n ${quoted(condition)} -F`] : []),
  ]
}

const fishScript = (verbs: readonly NamedVerb[]): string =>
  [
    '# hearthold completion for fish',
    'complete -c hearthold -f',
    ...groupsOf(verbs).map(
      (group) => `complete -c hearthold -n '__fish_use_subcommand' -a ${group}`,
    ),
    ...verbs.flatMap(fishVerb),
    '',
  ].join('\n')

const scripts: Readonly<Record<Shell, (verbs: readonly NamedVerb[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** A completion script for all verbs and their options; it holds words alone and calls nothing. */
export const completionScript = (shell: Shell, verbs: readonly NamedVerb[]): string =>
  scripts[shell](verbs)
