/** Names for disks and zips: what authors wrote, made safe on every system. */

const reserved = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i
/** Also characters that are not seen, or turn the direction: a name must not look like another one. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\/:*?"<>|]/gu
const limitCharacters = 200

/** One path part: no separators, controls or reserved names, no ending dot or space, never empty. */
export const safeName = (name: string): string => {
  const plain = name
    .toWellFormed()
    .replaceAll(unsafe, '_')
    .replace(/[. ]+$/, '')
    .replace(/^\s+/, '')
  const short = shorten(plain)
  if (short === '') return '_'
  return reserved.test(short) ? `_${short}` : short
}

const shorten = (name: string): string => {
  const characters = [...name]
  if (characters.length <= limitCharacters) return name
  const dot = name.lastIndexOf('.')
  const ending = dot > 0 && name.length - dot <= 12 ? name.slice(dot) : ''
  return characters.slice(0, limitCharacters - ending.length).join('') + ending
}

/** Names that one folder has given out: a second of the same (whatever its case) is numbered. */
export const createNames = () => {
  const taken = new Set<string>()
  const keyOf = (name: string): string => name.normalize('NFC').toLowerCase()
  return (wanted: string): string => {
    const name = safeName(wanted)
    const dot = name.lastIndexOf('.')
    const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
    let free = name
    for (let count = 2; taken.has(keyOf(free)); count++) free = `${stem} (${count})${ending}`
    taken.add(keyOf(free))
    return free
  }
}
