import { codeOf, firstVisit, gzipBytes, setUpHost } from '../../test/web/first-load.ts'
import { launchBrowser, startWebServer } from '../../test/web/harness.ts'
import { figuresOf, report } from '../peers/statistics.ts'
import type { Settings } from '../browser.ts'

/** Bytes until the sign-in form can be used, and how long that takes on this machine with an empty profile. */
export const firstLoad = async ({ rounds }: Settings): Promise<void> => {
  const server = await startWebServer()
  const browser = await launchBrowser()
  try {
    await setUpHost(server)
    const loads = []
    for (let round = 0; round < rounds; round++) loads.push(await firstVisit(browser, server))
    const sizes = await Promise.all(codeOf(loads[0]!).map(gzipBytes))
    const fonts = loads[0]!.asked.filter(({ url }) => url.endsWith('.woff2'))
    const fontBytes = await Promise.all(
      fonts.map(async ({ url }) => (await (await fetch(url)).arrayBuffer()).byteLength),
    )
    const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0)
    report({
      area: 'browser',
      what: 'first load until the sign-in form can be used',
      files: sizes.length,
      gzipBytes: sum(sizes),
      fontBytes: sum(fontBytes),
      barGzipBytes: 120_000,
      firstPaintMs: figuresOf(loads.map(({ paintMs }) => paintMs)),
      usableMs: figuresOf(loads.map(({ usableMs }) => usableMs)),
    })
  } finally {
    await browser.close()
    await server.dispose()
  }
}
