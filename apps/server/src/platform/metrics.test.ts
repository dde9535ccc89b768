import { expect, test } from 'vitest'
import { blobCounters, createMetrics } from './metrics.ts'

test('repositories are counted by the names that rest-server has', async () => {
  const metrics = createMetrics()
  const blobs = blobCounters(metrics)
  blobs.count('anna', 'anna/laptop', { act: 'write', type: 'data', bytes: 100 })
  blobs.count('anna', 'anna/laptop', { act: 'write', type: 'data', bytes: 20 })
  blobs.count('anna', 'anna/laptop', { act: 'read', type: 'data', bytes: 7 })
  blobs.count('anna', 'anna/laptop', { act: 'remove', type: 'locks', bytes: 3 })
  for (const act of ['read', 'write', 'remove', 'refused-removal', 'failed-verification'] as const)
    blobs.count('nobody', 'x', { act, type: 'config', bytes: 9 })
  blobs.count('nobody', 'x', { act: 'refused-removal', type: 'data', bytes: 9 })
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('rest_server'))
  const labels = (type: string) => `{user="anna",repo="anna/laptop",type="${type}"}`
  expect(lines.sort()).toEqual([
    `rest_server_blob_delete_bytes_total${labels('locks')} 3`,
    `rest_server_blob_delete_total${labels('locks')} 1`,
    `rest_server_blob_read_bytes_total${labels('data')} 7`,
    `rest_server_blob_read_total${labels('data')} 1`,
    `rest_server_blob_write_bytes_total${labels('data')} 120`,
    `rest_server_blob_write_total${labels('data')} 2`,
  ])
})
test('the process tells of itself, and two registries know nothing of each other', async () => {
  const [first, second] = [createMetrics(), createMetrics()]
  first.counter({ name: 'only_here_total', help: 'x', labels: [] }).add({})
  expect(await first.text()).toMatch(/^only_here_total 1$/m)
  expect(await second.text()).not.toContain('only_here')
  expect(await second.text()).toMatch(/^process_resident_memory_bytes \d+$/m)
  expect(second.contentType).toContain('text/plain')
})
test('gauges are asked anew for each reading, and what is gone is gone', async () => {
  const metrics = createMetrics()
  let repositories = ['a', 'b"\n']
  metrics.gauge({ name: 'bytes', help: 'x', labels: ['repository'] }, () =>
    repositories.map((repository, index) => ({ labels: { repository }, value: index })),
  )
  expect(await metrics.text()).toContain('bytes{repository="b\\"\\n"} 1')
  repositories = ['c']
  const text = await metrics.text()
  expect(text).toContain('bytes{repository="c"} 0')
  expect(text).not.toContain('repository="a"')
})
