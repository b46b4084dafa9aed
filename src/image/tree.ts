// The tree of one image while it is put together: archive entries are applied to it as a kernel would apply them
// to a file system, but nothing ever touches the host's.
//
// Safety. A path is split and judged before it is used: absolute names, `..`, empty names and NUL are refused,
// lengths are Linux's. A parent that is a symlink is refused in a plain archive, where only an attacker puts one;
// in the layers of an OCI image it is followed inside the image (a base with `lib -> usr/lib` needs that), and a
// link that climbs above the root is refused. Since paths only ever name nodes of this tree, the worst that a
// hole in these rules could do is a wrong image.
//
// Layers. The tree remembers which names the current layer brought, because a whiteout removes what lower layers
// brought and spares its own, in whatever order they come (OCI image spec, layer.md, "Whiteouts").

import { VmError } from '../errors/index.ts'
import { type ByteString, Inode, S_IFDIR, S_IFLNK } from './inode.ts'
import { NAME_MAX, PATH_MAX, SYMLINKS_MAX } from './limits.ts'

export class FileTree {
  readonly root: Inode = new Inode(S_IFDIR | 0o755, 0, 0)
  readonly #followsLinks: boolean
  /** Names that the current layer put or updated, by their directory. */
  #fresh = new Map<Inode, Set<ByteString>>()

  /** @param followsLinks parents that are symlinks are followed inside the tree (layers) or refused (archives) */
  constructor(followsLinks = false) {
    this.#followsLinks = followsLinks
  }

  /** What is here now is a lower layer for what comes next. */
  beginLayer(): void {
    this.#fresh = new Map()
  }

  /** Puts `inode` at `path`, replacing what is there; a directory over a directory keeps its children. */
  put(path: ByteString, inode: Inode): void {
    const names = splitPath(path)
    const name = names.pop()
    if (name === undefined) {
      if (inode.type !== S_IFDIR) unsafe(path, 'the root must be a directory')
      updateDirectory(this.root, inode)
      return
    }
    const parent = this.#parentOf(names, path)
    const existing = parent.children?.get(name)
    if (existing?.type === S_IFDIR && inode.type === S_IFDIR) updateDirectory(existing, inode)
    else parent.children?.set(name, inode)
    this.#markFresh(parent, name)
  }

  /** Makes `path` another name of what `target` names. */
  link(path: ByteString, target: ByteString): Inode {
    const inode = this.find(target)
    if (inode === undefined) invalid(path, `its hard link target ${printable(target)} does not exist`)
    if (inode.type === S_IFDIR) unsafe(path, 'it is a hard link to a directory')
    const names = splitPath(path)
    const name = names.pop()
    if (name === undefined) unsafe(path, 'the root cannot be a hard link')
    const parent = this.#parentOf(names, path)
    parent.children?.set(name, inode)
    this.#markFresh(parent, name)
    return inode
  }

  /** What `path` names; its last component is not followed. */
  find(path: ByteString): Inode | undefined {
    const names = splitPath(path)
    const name = names.pop()
    if (name === undefined) return this.root
    return this.#walk(names, path, false)?.children?.get(name)
  }

  /** Whiteout `.wh.NAME`: removes what lower layers put at `path`. */
  whiteOut(path: ByteString): void {
    const names = splitPath(path)
    const name = names.pop()
    if (name === undefined) unsafe(path, 'a whiteout of the root')
    const parent = this.#walk(names, path, false)
    const inode = parent?.children?.get(name)
    if (parent === undefined || inode === undefined) return
    if (inode.type === S_IFDIR) this.#purge(inode)
    this.#dropStale(parent, name, inode)
  }

  /** Opaque whiteout: removes what lower layers put into the directory `path`. */
  makeOpaque(path: ByteString): void {
    const directory = this.#walk(splitPath(path), path, false)
    if (directory !== undefined) this.#purge(directory)
  }

  /** Removes everything below `directory` that lower layers brought, except the way to what this layer brought. */
  #purge(directory: Inode): void {
    // Depth first with an explicit stack: the depth is the archive's choice. Children before their parents.
    const order: { readonly parent: Inode; readonly name: ByteString; readonly inode: Inode }[] = []
    const stack = [directory]
    for (let parent = stack.pop(); parent !== undefined; parent = stack.pop()) {
      for (const [name, inode] of parent.children ?? []) {
        order.push({ parent, name, inode })
        if (inode.type === S_IFDIR) stack.push(inode)
      }
    }
    for (let i = order.length - 1; i >= 0; i--) {
      const { parent, name, inode } = order[i]!
      this.#dropStale(parent, name, inode)
    }
  }

  #dropStale(parent: Inode, name: ByteString, inode: Inode): void {
    const isEmpty = inode.children === undefined || inode.children.size === 0
    if (isEmpty && !this.#isFresh(parent, name)) parent.children?.delete(name)
  }

  #isFresh(parent: Inode, name: ByteString): boolean {
    return this.#fresh.get(parent)?.has(name) === true
  }

  #markFresh(parent: Inode, name: ByteString): void {
    const names = this.#fresh.get(parent)
    if (names === undefined) this.#fresh.set(parent, new Set([name]))
    else names.add(name)
  }

  #parentOf(names: readonly ByteString[], path: ByteString): Inode {
    const parent = this.#walk(names, path, true)
    if (parent === undefined) invalid(path, 'its parent is not a directory')
    return parent
  }

  /**
   * Goes down `names` from the root. With `create`, missing directories are made (mode 755, root, epoch) and a
   * parent that is a file is replaced by a directory when a lower layer brought it.
   */
  #walk(names: readonly ByteString[], path: ByteString, create: boolean): Inode | undefined {
    const trail: Inode[] = [this.root]
    const todo = [...names].reverse()
    let length = 0
    let linksLeft = SYMLINKS_MAX
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      const here = trail.at(-1) as Inode
      if (name === '.' || name === '') continue
      if (name === '..') {
        if (trail.length === 1) unsafe(path, 'a symlink on its way climbs above the root')
        trail.pop()
        continue
      }
      let next = here.children?.get(name)
      if (next?.type === S_IFLNK) {
        if (!this.#followsLinks) unsafe(path, 'one of its parents is a symlink')
        if (linksLeft-- === 0) unsafe(path, 'its parents are a loop of symlinks')
        const target = next.target ?? ''
        if (target.startsWith('/')) trail.length = 1
        todo.push(...target.split('/').reverse())
        continue
      }
      if (next === undefined || (next.type !== S_IFDIR && !this.#isFresh(here, name))) {
        if (!create) return undefined
        next = new Inode(S_IFDIR | 0o755)
        here.children?.set(name, next)
        this.#markFresh(here, name)
      }
      if (next.type !== S_IFDIR) {
        if (!create) return undefined
        invalid(path, 'one of its parents is not a directory')
      }
      length += name.length + 1
      // Links can nest directories deeper than any single name in the archive may be long.
      if (length >= PATH_MAX) invalid(path, `its path is longer than ${PATH_MAX - 1} bytes`)
      trail.push(next)
    }
    return trail.at(-1)
  }
}

/**
 * The names of a path inside the image; none for the root itself.
 * @throws VmError `ERR_INLINUX_IMAGE_UNSAFE` for names that mean something outside
 */
export function splitPath(path: ByteString): ByteString[] {
  if (path.length >= PATH_MAX) invalid(path, `its path is longer than ${PATH_MAX - 1} bytes`)
  if (path.includes('\0')) unsafe(path, 'its name contains a NUL')
  if (path.startsWith('/')) unsafe(path, 'its name is absolute')
  const names: ByteString[] = []
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue
    if (name === '..') unsafe(path, 'its name contains ".."')
    if (name.length > NAME_MAX) invalid(path, `it has a name longer than ${NAME_MAX} bytes`)
    names.push(name)
  }
  if (names.length === 0 && path === '') unsafe(path, 'its name is empty')
  return names
}

function updateDirectory(directory: Inode, from: Inode): void {
  directory.mode = from.mode
  directory.uid = from.uid
  directory.gid = from.gid
  directory.mtimeSeconds = from.mtimeSeconds
  directory.mtimeNanoseconds = from.mtimeNanoseconds
  directory.xattrs = from.xattrs
}

/** A path for a message: shortened, without control characters. */
export function printable(path: ByteString): string {
  const text = Buffer.from(path, 'latin1').toString()
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

export function unsafe(path: ByteString, reason: string): never {
  throw new VmError('ERR_INLINUX_IMAGE_UNSAFE', `The entry ${printable(path)} is refused: ${reason}`, {
    fix: 'do not use this archive unless you trust its author; if you do, repack it with plain relative names',
  })
}

export function invalid(path: ByteString, reason: string): never {
  throw new VmError('ERR_INLINUX_IMAGE_INVALID', `The entry ${printable(path)} is invalid: ${reason}`)
}

export function unsupported(path: ByteString, reason: string, fix: string): never {
  throw new VmError(
    'ERR_INLINUX_IMAGE_UNSUPPORTED',
    `The entry ${printable(path)} cannot be used: ${reason}`,
    {
      fix,
    },
  )
}
