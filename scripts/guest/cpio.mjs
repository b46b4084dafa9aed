// Writes a cpio archive in the "newc" format, the one that the kernel unpacks as its initramfs
// (Documentation/driver-api/early-userspace/buffer-format.rst): for each entry a header of 13 eight-digit hex
// fields, the name with its NUL padded to 4 bytes, the data padded to 4 bytes; "TRAILER!!!" ends it.
// Entries get inode numbers in order and time 0, so equal contents give equal bytes. No hard links.

const MAGIC = '070701'
const S_IFMT = { directory: 0o040000, file: 0o100000, symlink: 0o120000, character: 0o020000 }

/**
 * `entries`: { name, kind: 'directory'|'file'|'symlink'|'character', mode, data?, major?, minor? } in order,
 * parents first. `data` is bytes for a file, and the target as bytes for a symbolic link.
 */
export function writeCpio(entries) {
  const parts = entries.flatMap((entry, index) => record(index + 1, entry))
  return Buffer.concat([...parts, ...record(0, { name: 'TRAILER!!!' })])
}

function record(inode, { name, kind, mode = 0, data = Buffer.alloc(0), major = 0, minor = 0 }) {
  const nameBytes = Buffer.from(`${name}\0`)
  const links = kind === 'directory' ? 2 : 1
  const type = kind === undefined ? 0 : S_IFMT[kind]
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, type | mode, 0, 0, links, 0, data.length, 0, 0, major, minor, nameBytes.length, 0]
  const header = MAGIC + fields.map((field) => field.toString(16).toUpperCase().padStart(8, '0')).join('')
  return [padded(Buffer.concat([Buffer.from(header), nameBytes])), padded(data)]
}

const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
