import { Command, CommanderError, Option as CommanderOption } from 'commander'
import { CliError } from '../cli-error.ts'
import type { Output } from '../terminal.ts'
import { commonOptions } from './options.ts'
import type { Argument, Given, Option, Verb, VerbEntry } from './verb.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What a command line asks for: a verb to run, or a text to show. */
export type Parsed =
  | {
      readonly kind: 'run'
      readonly verb: Verb
      readonly given: Given & { readonly json: boolean; readonly quiet: boolean }
    }
  | { readonly kind: 'help'; readonly text: string }

const topExample = 'hearthold put ./photos Photos:/2026'

/** Words of a verb's name at most: `repository credential create`. */
const longestName = 3

/** The entry that a command line names, by its first words; options before it are skipped. */
export const findEntry = (
  entries: readonly VerbEntry[],
  argv: readonly string[],
): VerbEntry | undefined => {
  const words = argv.filter((word) => !word.startsWith('-'))
  for (let count = longestName; count > 0; count--) {
    const wanted = words.slice(0, count).join(' ')
    const found = entries.find(({ name }) => name === wanted)
    if (found) return found
  }
  return undefined
}

const camel = (name: string): string =>
  name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

const toOption = (option: Option): CommanderOption => {
  const flags = `${option.short ? `-${option.short}, ` : ''}--${option.name}${option.value ? ` <${option.value}${option.many ? '...' : ''}>` : ''}`
  const made = new CommanderOption(
    flags,
    option.env ? `${option.summary} (${option.env})` : option.summary,
  )
  return option.choices ? made.choices([...option.choices]) : made
}

const signatureOf = ({ name, required, many }: Argument): string => {
  const inner = `${name}${many ? '...' : ''}`
  return required ? `<${inner}>` : `[${inner}]`
}

const wrongChoice = ({ name, choices }: Option | Argument) =>
  new CliError('usage', `There is no such ${name}.`, `Choose one of: ${choices?.join(', ')}.`)

const optionValue = (
  option: Option,
  flag: unknown,
  env: Env,
): string | boolean | readonly string[] | undefined => {
  const variable = option.env === undefined ? undefined : env[option.env] || undefined
  if (option.many) return Array.isArray(flag) ? flag.map(String) : (variable?.split('\n') ?? [])
  if (option.value === undefined) return flag === true || variable === '1' || variable === 'true'
  const value = typeof flag === 'string' ? flag : variable
  if (option.choices && value !== undefined && !option.choices.includes(value)) {
    throw wrongChoice(option)
  }
  return value
}

/** Commander takes `--no-x` as the opposite of `--x`; ours are switches like any other. */
const flagOf = (name: string, flags: Readonly<Record<string, unknown>>): unknown =>
  name.startsWith('no-') ? flags[camel(name.slice(3))] === false : flags[camel(name)]

const optionValues = (
  options: readonly Option[],
  flags: Readonly<Record<string, unknown>>,
  env: Env,
): Given['options'] =>
  Object.fromEntries(
    options.map((option) => [option.name, optionValue(option, flagOf(option.name, flags), env)]),
  )

const argumentValue = (argument: Argument, value: unknown): string | string[] | undefined => {
  if (argument.many) return Array.isArray(value) ? value.map(String) : []
  if (typeof value !== 'string') return undefined
  if (argument.choices && !argument.choices.includes(value)) throw wrongChoice(argument)
  return value
}

const argumentValues = (
  list: readonly Argument[],
  values: readonly unknown[],
): Given['arguments'] =>
  Object.fromEntries(
    list.map((argument, index) => [argument.name, argumentValue(argument, values[index])]),
  )

/** Turns a verb's data into a command of commander; the only place that does. */
const fill = (
  command: Command,
  verb: Verb,
  onRun: (values: readonly unknown[], options: Record<string, unknown>) => void,
): void => {
  command.addHelpText('before', `Example:\n  ${verb.example}\n`)
  for (const argument of verb.arguments)
    command.argument(
      signatureOf(argument),
      argument.choices ? `${argument.summary}: ${argument.choices.join(', ')}` : argument.summary,
    )
  for (const option of [...verb.options, ...commonOptions]) command.addOption(toOption(option))
  command.allowExcessArguments(false)
  command.action(() => onRun(command.processedArgs, command.optsWithGlobals()))
}

const buildProgram = (output: {
  write: (text: string) => void
  columns: number | undefined
}): Command => {
  const program = new Command('hearthold')
    .description('Your files, sealed on this computer before they leave it.')
    .exitOverride()
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: output.write,
      writeErr: output.write,
      outputError: () => undefined,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => output.columns ?? 80,
      getErrHelpWidth: () => output.columns ?? 80,
    })
    .option('--version', 'Print the version')
  for (const option of commonOptions) program.addOption(toOption(option))
  program.addHelpText('before', `Example:\n  ${topExample}\n`)
  return program
}

/** What may follow a group's words, each once. */
const wordsAfter = (entries: readonly VerbEntry[], group: string): string => {
  const after = entries.flatMap(({ name }) =>
    name.startsWith(`${group} `) ? [name.slice(group.length + 1).split(' ', 1)] : [],
  )
  return [...new Set(after.flat())].join(', ')
}

/** The command for an entry; all words but the last are groups, which may be verbs of their own. */
const place = (program: Command, entry: VerbEntry, entries: readonly VerbEntry[]): Command => {
  const words = entry.name.split(' ')
  let at = program
  words.forEach((word, index) => {
    const path = words.slice(0, index + 1).join(' ')
    const isLast = index === words.length - 1
    at =
      at.commands.find((command) => command.name() === word) ??
      at.command(word).description(isLast ? entry.summary : wordsAfter(entries, path))
  })
  return at
}

const helpAdvice = (entry: VerbEntry | undefined): string =>
  `See: hearthold ${entry ? `${entry.name} ` : ''}--help`

/** Commander's message as ours: one sentence, no value that was typed (it could be a secret), the suggestion as advice. */
const usageError = (error: CommanderError, entry: VerbEntry | undefined): CliError => {
  const [first = '', ...rest] = error.message.split('\n')
  const bare = first
    .replace(/^error: /, '')
    .replace(/('--[\w-]+)=[^']*'/, "$1'")
    .replace(/\. Expected .*$/, '')
  const message =
    error.code === 'commander.invalidArgument' ? 'An option has a value that it cannot have' : bare
  const suggestion = /\(Did you mean (.+)\?\)/.exec(rest.join(' '))?.[1]
  const advice = suggestion === undefined ? helpAdvice(entry) : `Did you mean ${suggestion}?`
  return new CliError('usage', `${message.charAt(0).toUpperCase()}${message.slice(1)}.`, advice)
}

/**
 * Reads a command line. `hearthold help put` is `hearthold put --help`. Loads only the verb that is named.
 * Throws a usage error (`CliError`) with a suggestion where a word is nearly right.
 */
export const parseCommandLine = async (
  entries: readonly VerbEntry[],
  argv: readonly string[],
  env: Env,
  output: Output,
): Promise<Parsed> => {
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]
  let text = ''
  let run: Parsed | undefined
  const program = buildProgram({ write: (part) => (text += part), columns: output.columns })
  const entry = findEntry(entries, words)
  const verb = await entry?.load()
  for (const one of entries) {
    const command = place(program, one, entries)
    if (one !== entry || !verb) continue
    fill(command, verb, (values, options) => {
      const common = optionValues(commonOptions, options, env)
      const given = {
        arguments: argumentValues(verb.arguments, values),
        options: optionValues(verb.options, options, env),
        json: common['json'] === true,
        quiet: common['quiet'] === true,
      }
      run = { kind: 'run', verb, given }
    })
  }
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return { kind: 'help', text }
    if (error.code === 'commander.help')
      throw new CliError('usage', 'No command was given.', text.trimEnd())
    throw usageError(error, entry)
  }
  if (!run) throw new CliError('usage', 'No command was given.', helpAdvice(undefined))
  return run
}
