// C text as a tree, so that parts of a program can be taken away again (../reduce.ts) without understanding C.
//
// A string is a statement, a declaration or several that belong together; a block has a body whose pieces can go one
// by one. What must not go without making the program undefined (the guard of an index, the step of a loop) is in the
// same string as what needs it, or in the head of the block.

export type Piece = string | Block

export interface Block {
  /** With its opening brace. */
  readonly head: string
  readonly body: readonly Piece[]
  readonly tail: string
}

export function block(head: string, body: readonly Piece[], tail = '}'): Block {
  return { head: `${head} {`.trim(), body, tail }
}

export function print(pieces: readonly Piece[], indent = ''): string {
  return pieces
    .map((piece) =>
      typeof piece === 'string'
        ? indented(piece, indent)
        : `${indented(piece.head, indent)}${print(piece.body, `${indent}  `)}${indented(piece.tail, indent)}`,
    )
    .join('')
}

function indented(text: string, indent: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' || line.startsWith('#') ? `${line}\n` : `${indent}${line}\n`))
    .join('')
}
