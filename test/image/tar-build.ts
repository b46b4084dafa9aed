// Builds tar archives byte by byte, honest and dishonest ones: every field can lie.

export interface Entry {
  readonly name: string
  /** Type flag of the header: '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' directory, '6' fifo. */
  readonly type?: string
  readonly data?: string | Buffer
  readonly linkname?: string
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtime?: number
  readonly major?: number
  readonly minor?: number
  /** What the header claims instead of the data's length: a number, or the field's 12 raw bytes. */
  readonly size?: number | Buffer
  /** Records of a pax header before the entry; values are written as they are. */
  readonly pax?: Readonly<Record<string, string | Buffer>>
  /** Spoils the checksum. */
  readonly badChecksum?: boolean
}

const BLOCK = 512
export const END: Buffer = Buffer.alloc(2 * BLOCK)

/** An archive with its end mark. */
export function tar(...entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.map(entryBytes), END])
}

/** Headers and data of one entry, padded. */
export function entryBytes(entry: Entry): Buffer {
  const data = Buffer.from(entry.data ?? '')
  const parts = [header(entry, data.length), data, Buffer.alloc(-data.length & (BLOCK - 1))]
  if (entry.pax === undefined) return Buffer.concat(parts)
  const records = Buffer.concat(Object.entries(entry.pax).map(([key, value]) => paxRecord(key, value)))
  return Buffer.concat([entryBytes({ name: 'PaxHeader', type: 'x', data: records }), ...parts])
}

function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from('\n')])
  let length = body.length + 1
  while (String(length).length + body.length !== length) length++
  return Buffer.concat([Buffer.from(String(length)), body])
}

function header(entry: Entry, length: number): Buffer {
  const {
    name,
    type = '0',
    linkname = '',
    mode = 0o644,
    uid = 0,
    gid = 0,
    mtime = 0,
    major = 0,
    minor = 0,
  } = entry
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0, 100, 'latin1')
  octal(block, mode, 100, 8)
  octal(block, uid, 108, 8)
  octal(block, gid, 116, 8)
  const size = entry.size ?? length
  if (typeof size === 'number') octal(block, size, 124, 12)
  else size.copy(block, 124)
  octal(block, mtime, 136, 12)
  block.write(type, 156, 'latin1')
  block.write(linkname, 157, 100, 'latin1')
  block.write('ustar\0' + '00', 257, 'latin1')
  octal(block, major, 329, 8)
  octal(block, minor, 337, 8)
  block.fill(0x20, 148, 156)
  let sum = 0
  for (const byte of block) sum += byte
  octal(block, entry.badChecksum === true ? sum + 1 : sum, 148, 7)
  return block
}

function octal(block: Buffer, value: number, at: number, width: number): void {
  block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1')
}
