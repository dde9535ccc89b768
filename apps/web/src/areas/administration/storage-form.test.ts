import { describe, expect, test } from 'vitest'
import { faultsOf, fieldsOf, settingsOf } from './storage-form.ts'

const s3 = {
  ...fieldsOf(undefined),
  name: 'attic',
  endpoint: ' https://s3.example.org/ ',
  bucket: 'backups',
  prefix: 'hearthold/',
  accessKey: 'key',
  secret: 'secret',
}

describe('a storage as it is typed', () => {
  test('S3 settings have no spaces around them, and no secret in them', () => {
    expect(faultsOf(s3, true)).toEqual({})
    expect(settingsOf(s3)).toEqual({
      kind: 's3',
      endpoint: 'https://s3.example.org',
      region: 'us-east-1',
      bucket: 'backups',
      prefix: 'hearthold/',
      addressing: 'path',
      accessKey: 'key',
      objectLock: false,
    })
  })

  test('WebDAV needs an address, and asks nothing of S3', () => {
    const webdav = { ...s3, kind: 'webdav' as const, bucket: '', url: 'https://dav.example.org/x/' }
    expect(faultsOf(webdav, true)).toEqual({})
    expect(settingsOf({ ...webdav, user: 'ada' })).toEqual({
      kind: 'webdav',
      url: 'https://dav.example.org/x/',
      user: 'ada',
    })
    expect(Object.keys(faultsOf({ ...webdav, url: 'dav.example.org' }, true))).toEqual(['url'])
  })

  test('each wrong field is named', () => {
    const wrong = { ...s3, name: 'A', endpoint: 'ftp://x', bucket: 'B', prefix: '/x', secret: '' }
    expect(Object.keys(faultsOf({ ...wrong, region: ' ', accessKey: '' }, true)).sort()).toEqual(
      ['accessKey', 'bucket', 'endpoint', 'name', 'prefix', 'region', 'secret'].sort(),
    )
  })

  test('a kept one needs no name and no secret', () => {
    expect(faultsOf({ ...s3, name: '', secret: '' }, false)).toEqual({})
  })
})
