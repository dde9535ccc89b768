/** What is typed for a storage, as settings; and what is wrong with it. */
import type { Storage, StorageSettings } from '@hearthold/contract'
import { text } from '../../text/en/storages.ts'

const words = text.dialog

export type StorageFields = {
  kind: 's3' | 'webdav'
  name: string
  endpoint: string
  region: string
  bucket: string
  prefix: string
  addressing: 'path' | 'host'
  accessKey: string
  objectLock: boolean
  url: string
  user: string
  secret: string
}

const blank: StorageFields = {
  kind: 's3',
  name: '',
  endpoint: '',
  region: 'us-east-1',
  bucket: '',
  prefix: '',
  addressing: 'path',
  accessKey: '',
  objectLock: false,
  url: '',
  user: '',
  secret: '',
}

/** Fields that hold what is kept of a storage, or nothing for a new one. The secret is never known. */
export const fieldsOf = (storage: Storage | undefined): StorageFields =>
  storage ? { ...blank, name: storage.name, ...storage.settings } : { ...blank }

/** Settings as the contract has them. */
export const settingsOf = (fields: StorageFields): StorageSettings => {
  const { kind, endpoint, region, bucket, prefix, addressing, accessKey, objectLock } = fields
  if (kind === 'webdav') return { kind, url: fields.url.trim(), user: fields.user.trim() }
  return {
    ...{ kind, addressing, objectLock },
    endpoint: endpoint.trim().replace(/\/+$/, ''),
    region: region.trim(),
    bucket: bucket.trim(),
    prefix: prefix.trim(),
    accessKey: accessKey.trim(),
  }
}

export type StorageFaults = Partial<Record<keyof StorageFields, string>>

const addressFault = (address: string): string | undefined => {
  const { protocol, host } = URL.parse(address.trim()) ?? { protocol: '', host: '' }
  return /^https?:$/.test(protocol) && host !== '' ? undefined : words.addressWrong
}
const emptyFault = (typed: string): string | undefined =>
  typed.trim() === '' ? words.needed : undefined
const shapeFault = (typed: string, shape: RegExp, fault: string): string | undefined =>
  shape.test(typed.trim()) ? undefined : fault

/** What is wrong, by field; empty where all of it can be tried. `isNew`: name and secret are needed too. */
export const faultsOf = (fields: StorageFields, isNew: boolean): StorageFaults => {
  const all: Record<string, string | undefined> =
    fields.kind === 'webdav'
      ? { url: addressFault(fields.url) }
      : {
          endpoint: addressFault(fields.endpoint),
          region: emptyFault(fields.region),
          bucket: shapeFault(
            fields.bucket,
            /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
            words.bucketWrong,
          ),
          prefix: shapeFault(fields.prefix, /^([A-Za-z0-9._-]+\/)*$/, words.prefixWrong),
          accessKey: emptyFault(fields.accessKey),
        }
  if (isNew) {
    all['name'] = shapeFault(fields.name, /^[a-z0-9][a-z0-9._-]{0,63}$/, words.nameWrong)
    all['secret'] = fields.secret === '' ? words.needed : undefined
  }
  return Object.fromEntries(Object.entries(all).filter(([, fault]) => fault !== undefined))
}
