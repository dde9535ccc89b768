import type { Option } from './verb.ts'

/** Options that mean the same wherever they appear (details.md, Command line). `--json` is added to every verb by the parser. */
export const jsonOption = {
  name: 'json',
  summary: 'Print one line of JSON',
  env: 'HEARTHOLD_JSON',
} as const satisfies Option

/** Which server, and why to believe that it is the one. */
export const serverOptions = [
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
  {
    name: 'token-file',
    value: 'FILE',
    summary: 'A bearer token to use instead of the remembered one',
    env: 'HEARTHOLD_TOKEN_FILE',
    completes: 'file',
  },
] as const satisfies readonly Option[]
