import type { ExitCode } from '../cli-error.ts'
import type { Questions } from '../input/secrets.ts'
import type { Json } from '../output/json.ts'
import type { Terminal } from '../terminal.ts'

/** What a completion offers for an argument or an option's value. */
export type Completes = 'file' | 'folder'

export type Argument = {
  readonly name: string
  readonly summary: string
  readonly required?: boolean
  /** The last one may stand for several. */
  readonly many?: boolean
  readonly completes?: Completes
  readonly choices?: readonly string[]
}

export type Option = {
  /** Without the hyphens: `server-pin`. */
  readonly name: string
  readonly summary: string
  /** A word for the value (`FILE`); absent for a switch. */
  readonly value?: string
  /** The variable that stands for it; the flag wins. A switch is on when the variable is `1`. */
  readonly env?: `HEARTHOLD_${string}`
  readonly short?: string
  /** Takes all words up to the next option; of a variable every line. For one that has a value. */
  readonly many?: boolean
  readonly completes?: Completes
  readonly choices?: readonly string[]
}

type ArgumentValue<A extends Argument> = A extends { many: true }
  ? readonly string[]
  : A extends { required: true }
    ? string
    : string | undefined
type OptionValue<O extends Option> = O extends { value: string; many: true }
  ? readonly string[]
  : O extends { value: string }
    ? string | undefined
    : boolean

/** What a command line gave, by the names in a verb's data. */
export type Given = {
  readonly arguments: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
}

/** What a verb may touch, beside what it was given. */
export type Surroundings = {
  readonly json: boolean
  /** No progress and no notes; errors and results still show. */
  readonly quiet: boolean
  readonly terminal: Terminal
  readonly questions: Questions
}

/** One run of a verb that was declared with these arguments and options. */
export type Call<A extends readonly Argument[], O extends readonly Option[]> = Surroundings & {
  readonly arguments: { readonly [One in A[number] as One['name']]: ArgumentValue<One> }
  readonly options: { readonly [One in O[number] as One['name']]: OptionValue<One> }
}

/** What a verb has to say: data for `--json`, text for people. Both always, so that `--json` works everywhere. */
export type Outcome = {
  readonly data: Json
  /** Ends with a line end, or is empty. */
  readonly text: string
  /** 0 where absent. */
  readonly exitCode?: ExitCode
}

/** A verb as data; its name and summary stand in the catalogue, so that a list of all verbs loads none. */
export type Verb = {
  /** A command line that does something real, shown first by `--help`. */
  readonly example: string
  readonly arguments: readonly Argument[]
  readonly options: readonly Option[]
  readonly run: (call: Given & Surroundings) => Promise<Outcome>
}

/** Declares a verb; the names and kinds of arguments and options type what `run` gets. */
export const defineVerb = <
  const A extends readonly Argument[],
  const O extends readonly Option[],
>(verb: {
  readonly example: string
  readonly arguments: A
  readonly options: O
  readonly run: (call: Call<A, O>) => Promise<Outcome>
}): Verb =>
  // The parser fills a call by this very data, which a type cannot follow through the list of verbs.
  ({ ...verb, run: (call) => verb.run(call as unknown as Call<A, O>) })

/** A verb's place in the list: `name` is one to three words; a group that is a verb too comes before what it holds. */
export type VerbEntry = {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<Verb>
}
