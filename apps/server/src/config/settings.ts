/** How the text of a setting is read: see parse.ts. */
export type SettingKind =
  | 'path'
  | 'listen'
  | 'origin'
  | 'origins'
  | 'proxies'
  | 'size'
  | 'choice'
  | 'access-log'
  | 'key'
  | 'token'

/**
 * One setting. `hearthold config`, `serve --help` and the operating guide are printed from this table, so a
 * setting that is not here does not exist.
 */
export type Setting = {
  readonly name: string
  readonly flag: string
  readonly env: string
  /** Names that other programs use for the same thing. */
  readonly otherEnv?: readonly string[]
  readonly kind: SettingKind
  /** What stands after the flag in the help. */
  readonly placeholder: string
  /** As it would be written; undefined where there is none. */
  readonly default?: string
  readonly choices?: readonly string[]
  /** Never printed, never taken from the command line; also read from a file named by `<env>_FILE`. */
  readonly secret?: true
  readonly doc: string
}

export const settings = [
  {
    name: 'dataDir',
    flag: 'data',
    env: 'HEARTHOLD_DATA',
    kind: 'path',
    placeholder: 'FOLDER',
    default: './data',
    doc: 'The one folder for everything the server keeps.',
  },
  {
    name: 'listen',
    flag: 'listen',
    env: 'HEARTHOLD_LISTEN',
    kind: 'listen',
    placeholder: 'HOST:PORT',
    default: '127.0.0.1:8765',
    doc: 'Where to listen: host:port, :port for every address, or unix:/path.',
  },
  {
    name: 'publicUrl',
    flag: 'public-url',
    env: 'HEARTHOLD_PUBLIC_URL',
    kind: 'origin',
    placeholder: 'URL',
    default: 'http://localhost:8765',
    doc: 'The address people use. All links come from it, and requests for another host are refused.',
  },
  {
    name: 'tlsCertFile',
    flag: 'tls-cert-file',
    env: 'HEARTHOLD_TLS_CERT_FILE',
    otherEnv: ['TLS_CERT_PATH'],
    kind: 'path',
    placeholder: 'FILE',
    doc: 'Certificate chain in PEM; read again when it changes.',
  },
  {
    name: 'tlsKeyFile',
    flag: 'tls-key-file',
    env: 'HEARTHOLD_TLS_KEY_FILE',
    otherEnv: ['TLS_KEY_PATH'],
    kind: 'path',
    placeholder: 'FILE',
    doc: 'Private key of the certificate in PEM, mode 0600.',
  },
  {
    name: 'trustedProxies',
    flag: 'trusted-proxies',
    env: 'HEARTHOLD_TRUSTED_PROXIES',
    kind: 'proxies',
    placeholder: 'LIST',
    default: '',
    doc: 'Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto count: addresses, networks (10.0.0.0/8) or "unix", with commas.',
  },
  {
    name: 'corsOrigins',
    flag: 'cors-origins',
    env: 'HEARTHOLD_CORS_ORIGINS',
    kind: 'origins',
    placeholder: 'LIST',
    default: '',
    doc: 'Other web origins that may call the API with a bearer token, with commas.',
  },
  {
    name: 'rootKey',
    flag: 'root-key',
    env: 'HEARTHOLD_ROOT_KEY',
    kind: 'key',
    placeholder: 'KEY',
    secret: true,
    doc: 'The root key, 32 bytes as base64url; default: a file in the keys folder. Also the systemd credential hearthold-root-key.',
  },
  {
    name: 'keysDir',
    flag: 'keys',
    env: 'HEARTHOLD_KEYS_DIR',
    kind: 'path',
    placeholder: 'FOLDER',
    doc: "Folder of the instance's own secrets; default: keys in the data folder.",
  },
  {
    name: 'defaultQuotaBytes',
    flag: 'default-quota',
    env: 'HEARTHOLD_DEFAULT_QUOTA',
    kind: 'size',
    placeholder: 'SIZE',
    doc: 'Quota of a member without one of their own, such as 100GiB; default: none.',
  },
  {
    name: 'logLevel',
    flag: 'log-level',
    env: 'HEARTHOLD_LOG_LEVEL',
    kind: 'choice',
    placeholder: 'LEVEL',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    doc: 'The least that is logged.',
  },
  {
    name: 'logFormat',
    flag: 'log-format',
    env: 'HEARTHOLD_LOG_FORMAT',
    kind: 'choice',
    placeholder: 'FORMAT',
    default: 'auto',
    choices: ['auto', 'json', 'text'],
    doc: 'JSON lines, or text for people; auto: text on a terminal.',
  },
  {
    name: 'accessLog',
    flag: 'access-log',
    env: 'HEARTHOLD_ACCESS_LOG',
    kind: 'access-log',
    placeholder: 'WHERE',
    default: 'off',
    doc: 'Requests without queries, headers or bodies: off, log (with the rest), or a file, opened anew on SIGHUP.',
  },
  {
    name: 'accessLogFormat',
    flag: 'access-log-format',
    env: 'HEARTHOLD_ACCESS_LOG_FORMAT',
    kind: 'choice',
    placeholder: 'FORMAT',
    default: 'json',
    choices: ['json', 'combined'],
    doc: "Lines of an access log in a file: JSON, or Apache's combined format.",
  },
  {
    name: 'metricsToken',
    flag: 'metrics-token',
    env: 'HEARTHOLD_METRICS_TOKEN',
    kind: 'token',
    placeholder: 'TOKEN',
    secret: true,
    doc: 'What a program shows to read /metrics, as bearer token or Basic password; without it only hosts may.',
  },
] as const satisfies readonly Setting[]

export type SettingName = (typeof settings)[number]['name']

/** The JSON file itself is named by this flag and variable; it may set every setting by its name. */
export const configFileFlag = 'config'
export const configFileEnv = 'HEARTHOLD_CONFIG'

/** Names with the same prefix that belong to the member's command line; the server leaves them alone. */
export const memberVariables: ReadonlySet<string> = new Set([
  'HEARTHOLD_HOME',
  'HEARTHOLD_SERVER',
  'HEARTHOLD_NAME',
  'HEARTHOLD_PASSWORD_FILE',
  'HEARTHOLD_TOTP_SECRET_FILE',
  'HEARTHOLD_RECOVERY_KEY_FILE',
  'HEARTHOLD_TOKEN_FILE',
  'HEARTHOLD_INVITE_FILE',
  'HEARTHOLD_TOTP_SECRET_OUT',
  'HEARTHOLD_RECOVERY_KEY_OUT',
  'HEARTHOLD_JSON',
  'HEARTHOLD_SERVER_PIN',
  'HEARTHOLD_CA_FILE',
])

/** `HEARTHOLD_ROOT_KEY` -> `HEARTHOLD_ROOT_KEY_FILE`; `--root-key-file`; `rootKeyFile` in the JSON file. */
export const fileVariantOf = (setting: Setting): { env: string; flag: string; name: string } => ({
  env: `${setting.env}_FILE`,
  flag: `${setting.flag}-file`,
  name: `${setting.name}File`,
})
