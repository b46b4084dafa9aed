// An EROFS image from a tree built in code: what the set-up does for the package's own root.
// The writer is loaded when it is needed, like everything behind `prepare` (image.ts).

import type { WrittenImage } from './erofs-writer.ts'
import type { TreeBuilder } from './tree-builder.ts'

/**
 * Writes the tree as an EROFS image.
 * @param path of the image; must not exist
 * @throws VmError when a file of the host cannot be read or the image cannot be written
 */
export async function writeErofs(
  builder: TreeBuilder,
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<WrittenImage> {
  const [{ writeTree }, { Pace }] = await Promise.all([import('./tree-image.ts'), import('./pace.ts')])
  return writeTree(builder.tree.root, path, new Pace(options.signal))
}
