/** The protocol whose server this verb takes the place of. */
export const restServerVersion = '0.14'

type Kind = 'switch' | 'text' | 'bytes' | 'listen' | 'tls-version'

/** One flag. `value` names what follows it in the help. */
export type Flag = {
  readonly name: string
  readonly kind: Kind
  readonly value?: string
  readonly about: string
}

/** Every flag of rest-server, with rest-server's meaning. docs/operating/rest-server.md explains the same list. */
export const flagTable = [
  {
    name: 'append-only',
    kind: 'switch',
    about: 'nothing but locks can be deleted',
  },
  {
    name: 'cpu-profile',
    kind: 'text',
    value: 'file',
    about: 'write a CPU profile (.cpuprofile, for the developer tools of Chromium) at the end',
  },
  { name: 'debug', kind: 'switch', about: 'say more, each request included' },
  {
    name: 'group-accessible-repos',
    kind: 'switch',
    about: 'the group of this user can use the files of repositories',
  },
  {
    name: 'htpasswd-file',
    kind: 'text',
    value: 'file',
    about: 'users and the hashes of their passwords (default <path>/.htpasswd)',
  },
  {
    name: 'listen',
    kind: 'listen',
    value: 'address',
    about: 'host:port, :port or unix:/path (default :8000)',
  },
  {
    name: 'log',
    kind: 'text',
    value: 'file',
    about: 'write a line for each request in the combined format; - is standard output',
  },
  {
    name: 'max-size',
    kind: 'bytes',
    value: 'bytes',
    about: 'the most that all repositories together may hold; 0 is no limit',
  },
  { name: 'no-auth', kind: 'switch', about: 'let in everybody' },
  {
    name: 'no-verify-upload',
    kind: 'switch',
    about: 'do not compare what is uploaded with the hash that is its name',
  },
  { name: 'path', kind: 'text', value: 'folder', about: 'where the repositories are (required)' },
  {
    name: 'private-repos',
    kind: 'switch',
    about: 'each user reaches only repositories below /<user>/',
  },
  { name: 'prometheus', kind: 'switch', about: 'serve metrics at /metrics' },
  { name: 'prometheus-no-auth', kind: 'switch', about: 'serve them to everybody' },
  {
    name: 'proxy-auth-username',
    kind: 'text',
    value: 'header',
    about: 'trust this header for the name of the user, in place of passwords',
  },
  { name: 'tls', kind: 'switch', about: 'speak TLS' },
  {
    name: 'tls-cert',
    kind: 'text',
    value: 'file',
    about: 'certificate, with its chain (default <path>/public_key)',
  },
  {
    name: 'tls-key',
    kind: 'text',
    value: 'file',
    about: 'its private key (default <path>/private_key)',
  },
  {
    name: 'tls-min-ver',
    kind: 'tls-version',
    value: 'version',
    about: 'the oldest version of TLS, 1.2 or 1.3 (default 1.2)',
  },
] as const satisfies readonly Flag[]

const column = 32

/** What `--help` prints. */
export const flagHelp = (): string => {
  const line = (left: string, about: string): string => `  ${left.padEnd(column)}${about}\n`
  return `Usage: hearthold rest-server --path <folder> [flags]

Example: hearthold rest-server --path /srv/restic --listen 127.0.0.1:8000

Serves restic repositories out of a folder, in place of rest-server ${restServerVersion}: same flags, same folder, no
database. A flag is written --flag value or --flag=value; a switch also --switch=false. The host keeps
users in an .htpasswd file: "htpasswd -B <file> <user>" adds one.

${flagTable.map((flag: Flag) => line(`--${flag.name}${flag.value === undefined ? '' : ` <${flag.value}>`}`, flag.about)).join('')}${line('-v, --version', 'print the version')}${line('-h, --help', 'print this')}`
}
