/** Files looked at in the browser: each kind of preview, what is broken, and players that ask for parts. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  chooseFiles,
  fileOf,
  makeShare,
  nothingWrong,
  openItem,
  saved,
  setUpHost,
  sha256,
  stored,
} from './files-steps.ts'
import { launchBrowser, openView, startWebServer, type View, type WebServer } from './harness.ts'
import { look, press } from './identity-steps.ts'

/** One red pixel. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dwn4EIwDiqAF0NAAn9A/8k1wG7AAAAAElFTkSuQmCC',
  'base64',
)

/** Two pages that say who they are, with a table of their places as readers expect it. */
const pdf = (): Buffer => {
  const content = (words: string): string => {
    const stream = `BT /F1 24 Tf 20 100 Td (${words}) Tj ET`
    return `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`
  }
  const pageOf = (contents: number): string =>
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents ${contents} 0 R /Resources << /Font << /F1 7 0 R >> >> >>`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R 5 0 R] /Count 2 >>',
    pageOf(4),
    content('The first page'),
    pageOf(6),
    content('The second page'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  let out = '%PDF-1.4\n'
  const places = objects.map((object, i) => {
    const at = out.length
    out += `${i + 1} 0 obj\n${object}\nendobj\n`
    return at
  })
  const table = out.length
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`
  for (const at of places) out += `${String(at).padStart(10, '0')} 00000 n \n`
  out += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`
  return Buffer.from(out, 'latin1')
}

/** Mono, 16 bit, 44.1 kHz. */
const wav = (seconds: number): Buffer => {
  const samples = 44_100 * seconds
  const bytes = Buffer.alloc(44 + 2 * samples)
  bytes.write('RIFF', 0, 'latin1')
  bytes.writeUInt32LE(36 + 2 * samples, 4)
  bytes.write('WAVEfmt ', 8, 'latin1')
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(44_100, 24)
  bytes.writeUInt32LE(88_200, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36, 'latin1')
  bytes.writeUInt32LE(2 * samples, 40)
  for (let i = 0; i < samples; i++)
    bytes.writeInt16LE(Math.round(8000 * Math.sin(i / 16)), 44 + 2 * i)
  return bytes
}

const markdown = `# Heading one

Some *words*, a [link](https://example.org/), a [bad link](javascript:alert(1)), <b>no markup</b>.

| What | Costs |
|------|------:|
| Roof | 12    |

![a picture](https://elsewhere.example/x.png)
`

let browser: Browser
let server: WebServer
let view: View
let page: Page

beforeAll(async () => {
  browser = await launchBrowser()
  server = await startWebServer()
  view = await openView(browser)
  ;({ page } = view)
  await setUpHost(view, server)
  await makeShare(page, 'Previews')
  const files = [
    fileOf('a picture.png', png),
    fileOf('broken.png', 'not an image'),
    fileOf('notes.md', markdown),
    fileOf('plain.txt', 'first line\n<script>alert(1)</script>\nłast line'),
    fileOf('long.txt', 'x'.repeat(1024 * 1024 + 5)),
    fileOf('paper.pdf', pdf()),
    fileOf('broken.pdf', 'not a PDF'),
    fileOf('tone.wav', wav(60)),
    fileOf('broken.mp3', 'no sound'),
    fileOf('big.jpg', Buffer.alloc(64 * 1024 * 1024 + 1)),
  ]
  // Picked in two goes: the driver sends no more than 50 MiB at once.
  await chooseFiles(page, files.slice(0, -1))
  await stored(page, files.length - 1)
  await page.evaluate(() => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([new Uint8Array(64 * 1024 * 1024 + 1)], 'big.jpg'))
    const input = document.querySelectorAll<HTMLInputElement>('input[type=file]')[0]!
    input.files = transfer.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  })
  await stored(page, 1)
})
afterAll(async () => {
  await browser.close()
  await server.dispose()
})
afterEach(async () => {
  await nothingWrong(view)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
})

const shown = () => page.getByRole('dialog')

test('an image is shown; what only says that it is one, is not', async () => {
  await openItem(page, 'a picture.png')
  const image = shown().getByRole('img', { name: 'a picture.png' })
  await image.waitFor()
  await expect.poll(() => image.evaluate((one: HTMLImageElement) => one.naturalWidth)).toBe(1)
  expect(await image.getAttribute('src')).toMatch(/^blob:/)
  await look(view, 'preview-image')
  await page.keyboard.press('Escape')
  await shown().waitFor({ state: 'hidden' })
  // The focus is where it was.
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.textContent))
    .toContain('a picture.png')
  await openItem(page, 'broken.png')
  await shown().getByText('This is not an image that the browser can show.').waitFor()
  await look(view, 'preview-image-broken')
})

test('text is text, and a long one says that it is cut', async () => {
  await openItem(page, 'plain.txt')
  await shown().getByText('<script>alert(1)</script>').waitFor()
  await shown().getByText('łast line').waitFor()
  await look(view, 'preview-text')
  await page.keyboard.press('Escape')
  await openItem(page, 'long.txt')
  await shown().getByText('Only the first 1.0 MiB are shown.').waitFor()
})

test('Markdown is set, without markup, scripts, or anything from elsewhere', async () => {
  await openItem(page, 'notes.md')
  await shown().getByRole('heading', { name: 'Heading one' }).waitFor()
  await shown().getByRole('cell', { name: 'Roof' }).waitFor()
  await shown().getByText('<b>no markup</b>').waitFor()
  await shown().getByText('[a picture]').waitFor()
  expect(await shown().getByRole('link').count()).toBe(1)
  expect(await shown().getByRole('link').getAttribute('rel')).toContain('noopener')
  await look(view, 'preview-markdown')
  await press(page, 'Show the text')
  await shown().getByText('| What | Costs |').waitFor()
})

test('a PDF by pages, drawn and read out; a damaged one says so', async () => {
  await openItem(page, 'paper.pdf')
  await shown().getByText('Page 1 of 2').waitFor()
  await shown().getByText('The first page').waitFor({ state: 'attached' })
  const dark = (): Promise<number> =>
    shown()
      .locator('canvas')
      .evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
        let count = 0
        for (let i = 0; i < data.length; i += 4) if (data[i]! < 64 && data[i + 3] === 255) count++
        return count
      })
  await expect.poll(dark).toBeGreaterThan(100)
  await look(view, 'preview-pdf')
  await press(page, 'Next page')
  await shown().getByText('The second page').waitFor({ state: 'attached' })
  await page.keyboard.press('Escape')
  await openItem(page, 'broken.pdf')
  await shown().getByText('This PDF cannot be shown').waitFor()
})

test('sound plays by parts that are opened as they are asked for', async () => {
  const parts: string[] = []
  page.on('response', (response) => {
    if (response.status() === 206 && response.fromServiceWorker())
      parts.push(response.headers()['content-range'] ?? '')
  })
  await openItem(page, 'tone.wav')
  const player = shown().locator('audio')
  await player.waitFor()
  await expect
    .poll(() => player.evaluate((one: HTMLAudioElement) => one.duration))
    .toBeCloseTo(60, 1)
  await player.evaluate(async (one: HTMLAudioElement) => {
    one.currentTime = 50
    await new Promise((done) => one.addEventListener('seeked', done, { once: true }))
  })
  const size = 44 + 2 * 44_100 * 60
  await expect.poll(() => parts.length).toBeGreaterThan(0)
  for (const part of parts) expect(part).toMatch(new RegExp(`^bytes \\d+-\\d+/${size}$`))
  await look(view, 'preview-audio')
  await page.keyboard.press('Escape')
  await openItem(page, 'broken.mp3')
  await shown().getByText('This browser cannot play it.').waitFor()
})

test('too large for a preview: a download is offered', async () => {
  await openItem(page, 'big.jpg')
  await shown().getByRole('heading', { name: 'This file is too large for a preview.' }).waitFor()
  await look(view, 'preview-too-large')
  const whole = await saved(page, () =>
    shown().getByRole('button', { name: 'Download' }).first().click(),
  )
  expect(whole.name).toBe('big.jpg')
  expect(sha256(whole.bytes)).toBe(sha256(Buffer.alloc(64 * 1024 * 1024 + 1)))
})
