import { addPlainRoute, type Http } from './http.ts'

/**
 * What a browser sees where the web app was not built: that the server runs, and how it is used. No script, and style and icon as files of their
 * own, as the content security policy wants. A token behind `#` stays in the browser.
 */
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hearthold</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/first-page.css">
</head>
<body>
<main>
<h1>Hearthold is running</h1>
<p>The web app is not built here: stop the server and run <code>npm start</code>, which builds it. Until then Hearthold is used from the command line, in the folder where it is installed.</p>
<h2>If you are setting this server up</h2>
<p>The token is in the data folder, and in the address that the server's terminal shows.</p>
<pre><code>npx hearthold set-up --server ADDRESS --token-file data/set-up-token --recovery-key-out recovery-key.txt --totp-secret-out totp.txt</code></pre>
<h2>If you were invited</h2>
<p>Keep the whole link, with the part behind the <code>#</code>, in a file.</p>
<pre><code>npx hearthold sign-up --server ADDRESS --invite-file invitation.txt --recovery-key-out recovery-key.txt --totp-secret-out totp.txt</code></pre>
<h2>If you have an account</h2>
<pre><code>npx hearthold sign-in --server ADDRESS
npx hearthold share create Papers
npx hearthold put FOLDER Papers:/
npx hearthold ls Papers:/</code></pre>
<p><code>npx hearthold --help</code> names every command and every flag.</p>
</main>
</body>
</html>
`

const style = `:root { color-scheme: light dark; --page: oklch(98.6% .004 95); --ink: oklch(24% .012 220); --sunk: oklch(96.6% .005 95); --line: oklch(91% .006 95); }
@media (prefers-color-scheme: dark) { :root { --page: oklch(19% .008 220); --ink: oklch(94% .005 95); --sunk: oklch(17% .008 220); --line: oklch(31% .01 220); } }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 42rem; margin: 0 auto; padding: 48px 24px; }
h1 { font-size: 32px; line-height: 1.2; }
h2 { font-size: 18px; margin-top: 32px; }
pre { background: var(--sunk); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font: 14px/1.5 ui-monospace, monospace; }
`

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#0f766e" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"><path d="M3 11 12 4l9 7v9H3z"/><path d="M12 20c-2 0-3-1.4-3-3 0-2 3-2.600 3-5 2 1.400 3 3 3 5 0 1.600-1 3-3 3z"/></svg>
`

/** Files that never change while the server runs may be kept a little. */
const send = (http: Http, path: string, type: string, content: string, cache: string): void =>
  addPlainRoute(http, path, { access: 'open' }, (_request, reply) =>
    reply.header('content-type', type).header('cache-control', cache).send(content),
  )

/** Paths that links may point to; the part behind `#` never reaches the server. */
const pagePaths = ['/', '/set-up', '/sign-up'] as const

export const addFirstPage = (http: Http): void => {
  for (const path of pagePaths) send(http, path, 'text/html; charset=utf-8', page, 'no-cache')
  send(http, '/first-page.css', 'text/css; charset=utf-8', style, 'max-age=300')
  send(http, '/icon.svg', 'image/svg+xml', icon, 'max-age=300')
}
