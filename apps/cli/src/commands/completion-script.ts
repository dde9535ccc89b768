import { commonOptions } from './options.ts'
import type { Option, Verb } from './verb.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A verb with its name and summary, as the scripts need it. */
export type NamedVerb = { readonly name: string; readonly summary: string; readonly verb: Verb }

const optionsOf = ({ verb }: NamedVerb): readonly Option[] => [...verb.options, ...commonOptions]

/** Our texts are plain, but a quote in a summary must not end a shell's string. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** What may follow a group's words (none for the first word), each once, with a summary where that is a verb. */
const nextWords = (verbs: readonly NamedVerb[], group: string): ReadonlyMap<string, string> => {
  const next = new Map<string, string>()
  const start = group === '' ? '' : `${group} `
  for (const { name, summary } of verbs) {
    if (!name.startsWith(start)) continue
    const [word = '', ...rest] = name.slice(start.length).split(' ')
    if (rest.length === 0) next.set(word, summary)
    else if (!next.has(word)) next.set(word, '')
  }
  return next
}

/** All words before the last of some verb's name: `share`, `repository credential`. */
const groupsOf = (verbs: readonly NamedVerb[]): readonly string[] => {
  const groups = verbs.flatMap(({ name }) => {
    const words = name.split(' ')
    return words.slice(1).map((_, index) => words.slice(0, index + 1).join(' '))
  })
  return [...new Set(groups)]
}

/** Everything that a command line may begin with. */
const knownStarts = (verbs: readonly NamedVerb[]): readonly string[] => [
  ...new Set([...groupsOf(verbs), ...verbs.map(({ name }) => name)]),
]

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

/** What may follow, and the options where the group is a verb by itself. */
const bashGroup = (verbs: readonly NamedVerb[], group: string): string => {
  const own = verbs.find(({ name }) => name === group)
  const words = [
    ...nextWords(verbs, group).keys(),
    ...(own ? optionsOf(own).map(({ name }) => `--${name}`) : []),
  ]
  return `    ${quoted(group)}) words=${quoted(words.join(' '))} ;;`
}

const bashScript = (verbs: readonly NamedVerb[]): string => `# hearthold completion for bash
_hearthold() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words='' verb='' next
  local known=${quoted(`|${knownStarts(verbs).join('|')}|`)}
  local index
  for ((index = 1; index < COMP_CWORD; index++)); do
    next="\${verb:+$verb }\${COMP_WORDS[index]}"
    if [[ $known == *"|$next|"* ]]; then verb=$next; fi
  done
  COMPREPLY=()
  case "$verb" in
    '') words=${quoted([...nextWords(verbs, '').keys(), '--help', '--version'].join(' '))} ;;
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

const zshNext = (verbs: readonly NamedVerb[], group: string): string =>
  `      ${quoted(group)}) next=(${zshDescribed([...nextWords(verbs, group)])}); _describe command next; return ;;`

const zshScript = (verbs: readonly NamedVerb[]): string => `#compdef hearthold
_hearthold() {
  local verb='' start known=${quoted(`|${knownStarts(verbs).join('|')}|`)}
  local -a next
  integer at=2
  while (( at < CURRENT )); do
    start="\${verb:+$verb }$words[at]"
    [[ $known == *"|$start|"* ]] || break
    verb=$start
    (( at++ ))
  done
  if (( at == CURRENT )) && [[ $words[CURRENT] != -* ]]; then
    case $verb in
${['', ...groupsOf(verbs)].map((group) => zshNext(verbs, group)).join('\n')}
    esac
  fi
  shift $(( at - 2 )) words; (( CURRENT -= at - 2 ))
  case $verb in
${verbs.map(zshArguments).join('\n')}
  esac
}
compdef _hearthold hearthold
`

const fishOption = (condition: string, { name, summary, value, completes }: Option): string =>
  `complete -c hearthold -n ${quoted(condition)} -l ${name} -d ${quoted(summary)}${value === undefined ? '' : completes ? ' -r -F' : ' -x'}`

/** True once these words were typed, in this order or not: fish offers no more. */
const fishSeen = (words: readonly string[]): string =>
  words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')

const fishUnless = (words: readonly string[]): string =>
  words.length === 0 ? '' : `; and not __fish_seen_subcommand_from ${words.join(' ')}`

/** Groups beside a verb, whose own verbs may bear its last word: `bin` for `repository restore`. */
const groupsBeside = (verbs: readonly NamedVerb[], words: readonly string[]): readonly string[] => {
  const group = words.slice(0, -1).join(' ')
  return groupsOf(verbs)
    .filter((other) => group !== '' && other.startsWith(`${group} `))
    .map((other) => other.slice(group.length + 1))
    .filter((word) => word !== words.at(-1) && !word.includes(' '))
}

const fishVerb = (verbs: readonly NamedVerb[], named: NamedVerb): readonly string[] => {
  const words = named.name.split(' ')
  const condition = fishSeen(words) + fishUnless(groupsBeside(verbs, words))
  const choices = choicesOf(named)
  return [
    ...optionsOf(named).map((option) => fishOption(condition, option)),
    ...(choices.length > 0
      ? [`complete -c hearthold -n ${quoted(condition)} -a ${quoted(choices.join(' '))}`]
      : []),
    ...(takesFiles(named) ? [`complete -c hearthold -n ${quoted(condition)} -F`] : []),
  ]
}

/** What may follow a group, offered until one of it was typed. */
const fishNext = (verbs: readonly NamedVerb[], group: string): readonly string[] => {
  const next = nextWords(verbs, group)
  const condition =
    group === ''
      ? '__fish_use_subcommand'
      : fishSeen(group.split(' ')) + fishUnless([...next.keys()])
  return [...next].map(
    ([word, summary]) =>
      `complete -c hearthold -n ${quoted(condition)} -a ${word}${summary === '' ? '' : ` -d ${quoted(summary)}`}`,
  )
}

const fishScript = (verbs: readonly NamedVerb[]): string =>
  [
    '# hearthold completion for fish',
    'complete -c hearthold -f',
    ...['', ...groupsOf(verbs)].flatMap((group) => fishNext(verbs, group)),
    ...verbs.flatMap((named) => fishVerb(verbs, named)),
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
