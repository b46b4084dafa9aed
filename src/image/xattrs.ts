// The rules for extended attributes that come from outside, whatever the source's way of writing them.

import { isKnownXattr, xattrSize } from './erofs-format.ts'
import type { ByteString } from './inode.ts'
import { XATTR_NAME_MAX, XATTR_TOTAL_MAX, XATTR_VALUE_MAX } from './limits.ts'
import { invalid, printable, unsupported } from './tree.ts'

/** @throws VmError when Linux or EROFS could not hold these attributes on the inode at `path` */
export function checkXattrs(path: ByteString, xattrs: ReadonlyMap<ByteString, Buffer>): void {
  for (const [name, value] of xattrs) {
    if (name.includes('\0') || name.length > XATTR_NAME_MAX) {
      invalid(path, `it has an extended attribute with the name ${printable(name)}`)
    }
    if (value.length > XATTR_VALUE_MAX) {
      invalid(path, `its extended attribute ${printable(name)} has ${value.length} bytes`)
    }
    if (!isKnownXattr(name)) {
      unsupported(path, `EROFS cannot hold the extended attribute ${printable(name)}`, 'repack it without it')
    }
  }
  if (xattrSize(xattrs) > XATTR_TOTAL_MAX) invalid(path, 'its extended attributes are too large together')
}
