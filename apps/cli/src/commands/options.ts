import type { Option } from './verb.ts'

/** Options that mean the same wherever they appear (details.md, Command line). */
export const jsonOption = {
  name: 'json',
  summary: 'Print one line of JSON',
  env: 'HEARTHOLD_JSON',
} as const satisfies Option

export const quietOption = {
  name: 'quiet',
  summary: 'Show no progress and no notes',
  env: 'HEARTHOLD_QUIET',
} as const satisfies Option

/** Every verb has these; the parser adds them. */
export const commonOptions: readonly Option[] = [jsonOption, quietOption]

/** Which server, and why to believe that it is the one. */
export const addressOptions = [
  {
    name: 'server',
    value: 'URL',
    summary: "The server's address; the one used last if absent",
    env: 'HEARTHOLD_SERVER',
  },
  {
    name: 'server-pin',
    value: 'SHA256',
    summary: "Fingerprint of the server's key, as `serve` prints it",
    env: 'HEARTHOLD_SERVER_PIN',
  },
  {
    name: 'ca-file',
    value: 'FILE',
    summary: "Certificates (PEM) of the authority to trust, instead of the system's",
    env: 'HEARTHOLD_CA_FILE',
    completes: 'file',
  },
] as const satisfies readonly Option[]

/** A server, and a session there. */
export const serverOptions = [
  ...addressOptions,
  {
    name: 'token-file',
    value: 'FILE',
    summary: 'A bearer token to use instead of the remembered one',
    env: 'HEARTHOLD_TOKEN_FILE',
    completes: 'file',
  },
] as const satisfies readonly Option[]
