import { createHash } from 'node:crypto'
import type { ModelRequest } from './rest-server-model.ts'

/** One way in which `hearthold rest-server` means to differ from rest-server 0.14; a row of docs/operating/rest-server.md. */
export type Difference = {
  readonly name: string
  /** The cells of the row. */
  readonly about: string
  readonly restServer: string
  readonly hearthold: string
  /** Requests of which the last shows it; none where it shows in no answer. */
  readonly example?: readonly ModelRequest[]
}

const idOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const hello = Buffer.from('hello')
const helloId = idOf(hello)
const put = (path: string, body: Buffer, more: Partial<ModelRequest> = {}): ModelRequest => ({
  method: 'POST',
  path,
  body,
  ...more,
})
const stored = put(`/e/data/${helloId}`, hello)
const get = (path: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  method: 'GET',
  path,
  ...more,
})

/** What shows in an answer: the model of rest-server has a branch for each. */
export const differencesInAnswers = [
  {
    name: 'sign-in-header',
    about: 'A request without, or with a wrong, password',
    restServer: '401',
    hearthold: '401 with `WWW-Authenticate`, so that browsers and proxies know what to ask for',
    example: [get('/e/data/', { user: 'stranger' })],
  },
  {
    name: 'same-again',
    about: 'POST of an object, or of a config, that is there already with the same bytes',
    restServer: '403',
    hearthold: '200: an upload whose answer was lost can be sent again, also with `--append-only`',
    example: [stored, stored],
  },
  {
    name: 'config-without-create',
    about: 'POST of a config where no repository was created',
    restServer: '500',
    hearthold: '200, as for every other object',
    example: [put('/fresh/config', hello)],
  },
  {
    name: 'large-config',
    about: 'POST of a config of more than 1 MiB',
    restServer: '200',
    hearthold: '400: restic’s has some 200 bytes, and it is held in memory',
    example: [put('/e/config', Buffer.alloc(1024 * 1024 + 1))],
  },
  {
    name: 'config-range',
    about: 'GET of a config with a Range',
    restServer: '200 and the whole config',
    hearthold: '206 or 416, as for every other object',
    example: [put('/ranged/config', hello), get('/ranged/config', { range: 'bytes=1-2' })],
  },
  {
    name: 'several-ranges',
    about: 'GET with several ranges, which restic never asks for',
    restServer: '206 `multipart/byteranges`',
    hearthold: '200 and the whole object',
    example: [stored, get(stored.path, { range: 'bytes=0-0,2-2' })],
  },
  {
    name: 'no-bytes-range',
    about: 'GET with the range `bytes=-0`',
    restServer: '206 with no bytes',
    hearthold: '416, and 200 for an empty object',
    example: [stored, get(stored.path, { range: 'bytes=-0' })],
  },
  {
    name: 'conditions',
    about: 'GET with `If-Match` or `If-None-Match`, which restic never sends',
    restServer: '412 or 304',
    hearthold: 'the object: its name says already which it is',
    example: [stored, get(stored.path, { ifNoneMatch: '*' })],
  },
  {
    name: 'nothing-left-behind',
    about: 'A list after nothing but refused uploads of up to 64 KiB',
    restServer: '200 and `[]`: the folder was made before the upload was looked at',
    hearthold: '404, as before the upload',
    example: [put(`/none/keys/${'0'.repeat(64)}`, hello), get('/none/keys/')],
  },
  {
    name: 'untidy-path',
    about: 'A path with empty, `.` or `..` parts',
    restServer: '301 to the tidied path, before anybody is signed in',
    hearthold: '404 (401 without a password): the path counts as it was sent',
    example: [get('/e/../e/data/')],
  },
  {
    name: 'bad-escape',
    about: 'A path with a `%` that begins no `%41`',
    restServer: '400, before anybody is signed in',
    hearthold: '404 (401 without a password)',
    example: [get('/e%/data/')],
  },
  {
    name: 'encoded-parts',
    about: 'A path in which a slash, or a name such as `data` or `metrics`, is written with `%`',
    restServer: 'the same as when written plainly',
    hearthold: '404',
    example: [stored, get('/e/d%61ta/')],
  },
  {
    name: 'odd-names',
    about:
      'A folder named `.bin` or `.hearthold-list`, longer than 255 bytes, not in UTF-8, or with a backslash',
    restServer: 'a repository; where the name is too long 500, or what is refused anywhere',
    hearthold: '404',
    example: [{ method: 'POST', path: '/.bin/?create=true' }],
  },
  {
    name: 'private-nothing',
    about: 'With `--private-repos`, an address that is none, below another user’s name',
    restServer: '401',
    hearthold: '404',
    example: [get('/bert/nothing', { user: 'anna' })],
  },
] as const satisfies readonly Difference[]

export type DifferenceName = (typeof differencesInAnswers)[number]['name']

/** What shows in no answer that the sequences compare; each has a test of its own, or is a fact of the platform. */
export const otherDifferences: readonly Difference[] = [
  {
    name: 'path-required',
    about: '`--path` left out',
    restServer: 'serves `restic` in the folder for temporary files',
    hearthold: 'does not start',
  },
  {
    name: 'flag-mistakes',
    about: 'A wrong flag',
    restServer: 'exit code 1; some are looked at only after the port is taken',
    hearthold:
      'exit code 2; `--max-size` takes decimal digits only and nothing below 0, `--listen` is not empty',
  },
  {
    name: 'own-words',
    about: '`--help`, `--version`, and the lines on standard error',
    restServer: 'its own words, and the version of Go',
    hearthold: 'other words; the lines at the start are the same, after the time and a level',
  },
  {
    name: 'path-made',
    about: '`--path` of a folder that is not there',
    restServer: 'is made with the first repository; with `--max-size` it does not start',
    hearthold: 'is made at the start, or it says why not',
  },
  {
    name: 'damaged-replaced',
    about: 'POST of the right bytes where an object’s bytes are damaged',
    restServer: '403',
    hearthold: '200, and the object is whole again',
  },
  {
    name: 'durable-config',
    about: 'A config after a crash, or after its upload was cut',
    restServer:
      'may be empty or cut, and is then in the way: it is written in place and never synced',
    hearthold: 'whole or not there',
  },
  {
    name: 'lists-of-objects',
    about: 'A list while an upload is under way, after one was cut, or beside files of others',
    restServer: 'shows the temporary file, and what others put there',
    hearthold: 'shows complete objects only',
  },
  {
    name: 'texts',
    about: 'The text of a refusal; headers that restic does not read',
    restServer:
      'Go’s words; `Content-Type` guessed from the bytes, `X-Runtime`, a config without its length from 2 KiB on',
    hearthold:
      'words that say more; always `application/octet-stream`, `Accept-Ranges` to HEAD too, each length',
  },
  {
    name: 'file-faults',
    about: 'What the file system refuses, such as a folder in the place of an object',
    restServer: '500',
    hearthold:
      '503, or 404 where a file is in the place of a folder; restic tries again after 500 and 503',
  },
  {
    name: 'odd-requests',
    about:
      'A request that no client of restic sends: an unknown method, several lengths, a length beside chunks, bytes outside of ASCII in the path, more than 16 KiB of headers',
    restServer: 'is answered like any other',
    hearthold:
      '400, or 431 for the headers: what two programs may read differently is not guessed at',
  },
  {
    name: 'quota-counts',
    about: 'What `--max-size` counts',
    restServer: 'files and, at the start only, folders; a config only at the start',
    hearthold: 'files, configs included; not what a cut upload left behind',
  },
  {
    name: 'quota-in-body',
    about: 'An upload without a length that does not fit into `--max-size`',
    restServer: '500',
    hearthold: '507, after which restic does not try again',
  },
  {
    name: 'broken-htpasswd',
    about: 'An htpasswd file with a line that is no `user:hash`, or with a byte order mark',
    restServer: 'is not loaded at all; with the mark, without its first user',
    hearthold: 'that line is told by its number, once, and ignored; so is the mark, without a word',
  },
  {
    name: 'dear-bcrypt',
    about: 'A bcrypt hash of cost 18 and more',
    restServer: 'is compared, for many seconds',
    hearthold: 'is ignored with a line in the log',
  },
  {
    name: 'bytes-passwords',
    about: 'A password that is not in UTF-8, with bcrypt',
    restServer: 'may match',
    hearthold: 'never matches; with `{SHA}` it may',
  },
  {
    name: 'many-wrong-passwords',
    about: 'More wrong passwords than can be compared',
    restServer: 'all are compared at once, on all processors',
    hearthold:
      '503 for those beyond 8 at one user from one address, or 64 in all; users who were let in go first',
  },
  {
    name: 'password-memory',
    about: 'How long a right password is believed without bcrypt',
    restServer: 'at most 5 s (meant: a minute)',
    hearthold: 'a minute from its last use on; a changed line ends it',
  },
  {
    name: 'proxy-header-twice',
    about: 'The header of `--proxy-auth-username` sent twice',
    restServer: 'the first counts',
    hearthold: '401: one of the two is the client’s own',
  },
  {
    name: 'certificate-reload',
    about: 'A renewed certificate',
    restServer: 'is used after a restart',
    hearthold: 'is used within ten seconds, or at once after SIGHUP',
  },
  {
    name: 'http-1',
    about: 'HTTP/2 over TLS',
    restServer: 'spoken',
    hearthold: 'not spoken; restic falls back to HTTP/1.1 by itself',
  },
  {
    name: 'plain-http',
    about: 'Plain HTTP on a port for TLS',
    restServer: '400',
    hearthold: 'the connection is closed',
  },
  {
    name: 'list-sizes',
    about: 'The sizes in a list',
    restServer: 'are looked at each time',
    hearthold:
      'are looked at again when somebody else changed something in the folder, once a day, and after the machine was started. A file that was cut short in place is seen a day later at the latest, or by whoever reads it',
  },
  {
    name: 'untaken-downloads',
    about: 'Downloads that nobody takes',
    restServer: 'hold some 32 KiB each',
    hearthold:
      'hold 32 MiB at most, all together; who takes nothing for 10 s is cut off while others wait, and beyond 256 who wait, 64 of one user and address, requests are answered 503',
  },
  {
    name: 'slow-connections',
    about: 'A connection on which nothing moves',
    restServer: 'is kept',
    hearthold: 'is closed after 120 s, or after 10 s where the headers are not complete',
  },
  {
    name: 'shutdown-limit',
    about: 'SIGTERM while requests are under way',
    restServer: 'waits for them without a limit',
    hearthold: 'waits 10 s',
  },
  {
    name: 'sighup',
    about: 'SIGHUP',
    restServer: 'reads the htpasswd file; without one, ends the server',
    hearthold: 'reads the htpasswd file and the certificate, and opens `--log` anew',
  },
  {
    name: 'log-user',
    about:
      'The user in `--log`, the address over a unix socket, letters outside of ASCII, and the mode of a new file',
    restServer: 'always `-`; `@`; as they are; 0644',
    hearthold: 'who was signed in; `-`; as `\\xc3\\xb6`; 0640',
  },
  {
    name: 'socket-file',
    about: 'The file of a unix socket that a killed server left',
    restServer: 'is in the way',
    hearthold: 'is replaced; the mode is 0660',
  },
  {
    name: 'group-umask',
    about: '`--group-accessible-repos` under a umask that takes from the group, such as 022 or 077',
    restServer: 'the umask wins: 0750 and 0640, or 0700 and 0600',
    hearthold: '0770 and 0660 all the same',
  },
  {
    name: 'metrics-of-the-process',
    about: '`/metrics`: figures of the process',
    restServer: 'those of Go (`go_*`, `promhttp_*`)',
    hearthold:
      'those of Node (`nodejs_*`); `process_*` as before, but for the greatest virtual memory',
  },
  {
    name: 'refused-ranges-counted',
    about: '`/metrics`: a GET that is answered with 416',
    restServer: 'is a read, of the bytes of the refusal',
    hearthold: 'is none',
  },
  {
    name: 'cpu-profile',
    about: '`--cpu-profile`',
    restServer: 'a file for `go tool pprof`',
    hearthold: 'a `.cpuprofile` for the developer tools of Chromium',
  },
]
