/** Opens a PDF by ranges: only the parts that a page needs are fetched and opened. Loaded when a PDF is first shown. */
import * as pdfjs from 'pdfjs-dist'
import workerUrl from 'pdfjs-dist/build/pdf.worker.mjs?url'
import type { PreviewFile } from './preview-file.ts'

pdfjs.GlobalWorkerOptions.workerSrc = workerUrl

/** Fonts and character maps that PDFs may name without carrying them; copied there by the build, never from elsewhere. */
const assets = `/assets/pdf-${pdfjs.version}`
const rangeBytes = 1024 * 1024

class SealedRange extends pdfjs.PDFDataRangeTransport {
  readonly #file: PreviewFile
  readonly #failed: (error: unknown) => void

  constructor(file: PreviewFile, failed: (error: unknown) => void) {
    super(file.sizeBytes, null)
    this.#file = file
    this.#failed = failed
  }
  override requestDataRange(begin: number, end: number): void {
    this.#file
      .read(begin, Math.min(end, this.#file.sizeBytes))
      .then((bytes) => this.onDataRange(begin, new Uint8Array(bytes)), this.#failed)
  }
}

export type Pdf = {
  readonly pages: number
  /** Draws a page (from 1) into a canvas `widthPx` wide in CSS pixels; resolves to the page's words. */
  draw(page: number, canvas: HTMLCanvasElement, widthPx: number): Promise<string>
  close(): void
}

const drawPage = async (
  document: pdfjs.PDFDocumentProxy,
  number: number,
  canvas: HTMLCanvasElement,
  widthPx: number,
): Promise<string> => {
  const page = await document.getPage(number)
  const natural = page.getViewport({ scale: 1 })
  const scale = Math.min(widthPx / natural.width, 3)
  const viewport = page.getViewport({ scale: scale * Math.min(devicePixelRatio, 2) })
  canvas.width = Math.floor(viewport.width)
  canvas.height = Math.floor(viewport.height)
  canvas.style.width = `${Math.floor(natural.width * scale)}px`
  await page.render({ canvas, viewport }).promise
  const content = await page.getTextContent()
  return content.items.map((item) => ('str' in item ? item.str : '')).join(' ')
}

/** Throws what reading threw (IntegrityError, NetworkError ...), or pdf.js's own error for a damaged or locked file. */
export const openPdf = async (file: PreviewFile): Promise<Pdf> => {
  let fail: (error: unknown) => void = () => undefined
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => undefined)
  const task = pdfjs.getDocument({
    range: new SealedRange(file, fail),
    rangeChunkSize: rangeBytes,
    disableAutoFetch: true,
    disableStream: true,
    cMapUrl: `${assets}/cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${assets}/standard_fonts/`,
    wasmUrl: `${assets}/wasm/`,
    iccUrl: `${assets}/iccs/`,
    enableXfa: false,
    verbosity: pdfjs.VerbosityLevel.ERRORS,
  })
  const document = await Promise.race([task.promise, failed])
  return {
    pages: document.numPages,
    draw: (number, canvas, widthPx) =>
      Promise.race([drawPage(document, number, canvas, widthPx), failed]),
    close: () => void task.destroy(),
  }
}
