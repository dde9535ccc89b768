/** Why something on a disk could not be read or written, in words for a list of such things. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'It may not be opened by this user.',
  EPERM: 'It may not be changed by this user.',
  ENOENT: 'It was gone when its turn came.',
  ENOTDIR: 'A file stands where a folder is needed.',
  EISDIR: 'A folder stands where a file is needed.',
  ELOOP: 'It is, or leads through, a symbolic link.',
  EEXIST: 'Something of that name is there already.',
  ENAMETOOLONG: 'Its name is longer than this disk allows.',
  EILSEQ: 'Its name has characters that this disk does not allow.',
  EINVAL: 'This disk does not allow its name or kind.',
  EIO: 'The disk has an error there.',
  ENOSPC: 'The disk is full.',
  EDQUOT: "This user's quota on the disk is used up.",
  EROFS: 'The disk cannot be written to.',
  EFBIG: 'It is larger than this disk allows.',
  EMFILE: 'Too many files are open.',
  ENFILE: 'Too many files are open.',
  ETXTBSY: 'A program runs from it.',
}

export const errorCode = (error: unknown): string | undefined => {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** A sentence for an error of the file system; for others their own message. */
export const diskReason = (error: unknown): string => {
  const code = errorCode(error)
  const known = code !== undefined && Object.hasOwn(reasons, code) ? reasons[code] : undefined
  if (known !== undefined) return known
  if (code !== undefined) return `The system refuses it (${code}).`
  return error instanceof Error ? error.message : 'It failed.'
}
