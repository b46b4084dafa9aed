// Structured control flow out of random graphs: a function is written whose nodes report that they are visited and ask
// where to go on, and what it visits must be what the graph says. Graphs are reducible and irreducible, with self-loops,
// with several entries, inside and outside of loops.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Code, encodeModule, type FunctionType, I32 } from '../../../../src/engine/soft/translator/encoder.ts'
import { op } from '../../../../src/engine/soft/translator/opcodes.ts'
import { type GraphNode, Structure } from '../../../../src/engine/soft/translator/structure.ts'
import { Random } from '../differential/random.ts'

const GRAPHS = Number(process.env.INLINUX_CPU_GRAPHS ?? 400)
const SEED = process.env.INLINUX_CPU_SEED ?? '1'
const STEPS = 200
/** Choices of a node beyond its successors leave the function. */
const LEAVE = 1000

class Node implements GraphNode {
  readonly id: number
  readonly successors: Node[] = []
  constructor(id: number) {
    this.id = id
  }
}

interface Graph {
  /** All that the entries lead to, entries first. */
  readonly nodes: readonly Node[]
  readonly entries: readonly Node[]
}

/** `edges`: for each node the ids of its successors. */
function graph(edges: readonly (readonly number[])[], entries: readonly number[]): Graph {
  const all = edges.map((_, id) => new Node(id))
  for (const [id, to] of edges.entries()) for (const one of to) all[id]!.successors.push(all[one]!)
  const reached = new Set(entries.map((id) => all[id]!))
  for (const node of reached) for (const successor of node.successors) reached.add(successor)
  return { nodes: [...reached], entries: entries.map((id) => all[id]!) }
}

interface Compiled {
  /** Runs from an entry; `visit` is told each node and answers with the number of a successor, or LEAVE. */
  run(entry: number, visit: (id: number) => number): void
  /** Edges that the structure says go back, by node. */
  readonly back: ReadonlyMap<Node, ReadonlySet<Node>>
}

/** Many graphs in one module. */
function compile(graphs: readonly Graph[]): Compiled[] {
  const type: FunctionType = { parameters: [I32], results: [I32] }
  const written = graphs.map((one) => write(one))
  const bodies = written.map(({ code }, i) => ({
    locals: [I32, I32] as const,
    code: code.written(),
    exportName: String(i),
  }))
  const bytes = encodeModule([{ name: 'visit', type }], type, bodies)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true })
  let current: (id: number) => number
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { memory, visit: (id: number) => current(id) },
  })
  return written.map(({ back }, i) => ({
    back,
    run(entry, visit) {
      current = visit
      ;(exports[String(i)] as (entry: number) => number)(entry)
    },
  }))
}

function write({ nodes, entries }: Graph): { code: Code; back: Map<Node, Set<Node>> } {
  const code = new Code()
  const numbers = new Map<Node, number>()
  for (const [i, node] of entries.entries()) numbers.set(node, i)
  const back = new Map<Node, Set<Node>>(nodes.map((node) => [node, new Set()]))
  const structure = new Structure<Node>({
    code,
    selector: 0,
    numberOf: (node) => {
      if (!numbers.has(node)) numbers.set(node, numbers.size)
      return numbers.get(node)!
    },
    write: (node) => {
      code.i32(node.id)
      code.call(0)
      code.set(1)
      for (const [choice, successor] of node.successors.entries()) {
        if (structure.goesBack(successor)) back.get(node)!.add(successor)
        code.get(1)
        code.i32(choice)
        code.op(op.i32_eq)
        code.when()
        structure.jump(successor)
        code.end()
      }
      code.i32(0)
      code.op(op.return)
    },
  })
  structure.write(nodes, entries)
  code.op(op.unreachable)
  return { code, back }
}

/** Walks at random from an entry; every visit must be of the node that the choice before it leads to. */
function walk({ entries }: Graph, compiled: Compiled, entry: number, random: Random): number {
  let expected: Node | undefined = entries[entry]!
  let steps = 0
  compiled.run(entry, (id) => {
    assert.equal(id, expected?.id, `visit ${steps}`)
    const node: Node = expected!
    if (++steps === STEPS || node.successors.length === 0 || random.chance(3)) {
      expected = undefined
      return LEAVE
    }
    const choice = random.below(node.successors.length)
    expected = node.successors[choice]
    return choice
  })
  // It left where the walk did, not somewhere else.
  assert.equal(expected, undefined)
  return steps
}

/** Without the edges that go back no cycle is left: so every loop looks at the budget. */
function assertBudgetInEachCycle({ nodes }: Graph, { back }: Compiled): void {
  const state = new Map<Node, 'open' | 'done'>()
  const enter = (node: Node): void => {
    state.set(node, 'open')
    for (const successor of node.successors) {
      if (back.get(node)!.has(successor)) continue
      assert.notEqual(state.get(successor), 'open', `a cycle through ${successor.id} without a jump back`)
      if (!state.has(successor)) enter(successor)
    }
    state.set(node, 'done')
  }
  for (const node of nodes) if (!state.has(node)) enter(node)
}

function check(one: Graph, compiled: Compiled, random: Random): number {
  assertBudgetInEachCycle(one, compiled)
  let visits = 0
  for (let entry = 0; entry < one.entries.length; entry++)
    for (let i = 0; i < 8; i++) visits += walk(one, compiled, entry, random)
  return visits
}

function randomGraph(random: Random): Graph {
  const count = random.chance(80) ? 1 + random.below(10) : 10 + random.below(60)
  const degree = random.pick([1, 2, 2, 3, 5])
  const near = random.chance(40)
  const edges = Array.from({ length: count }, (_, id) => {
    const successors = new Set<number>()
    // Like code: mostly to what follows, and back a little.
    for (let i = random.below(degree + 1); i > 0; i--)
      successors.add(near ? Math.min(count - 1, Math.max(0, id + 3 - random.below(7))) : random.below(count))
    return [...successors]
  })
  const entries = new Set<number>([random.below(count)])
  for (let i = random.below(4); i > 0; i--) entries.add(random.below(count))
  return graph(edges, [...entries])
}

describe('structured control flow', () => {
  const named: readonly [string, readonly (readonly number[])[], readonly number[]][] = [
    ['a straight line', [[1], [2], []], [0]],
    ['a node that jumps to itself', [[0]], [0]],
    ['if, then, else', [[1, 2], [3], [3], []], [0]],
    ['a loop that is entered in its middle', [[1], [2], [0]], [1]],
    ['a loop in a loop with the same head', [[1], [0, 2], [0, 3], []], [0]],
    ['an irreducible loop', [[1, 2], [2, 3], [1, 3], []], [0]],
    ['two irreducible loops, one in the other', [[1, 2], [2, 3], [1, 4], [4, 1], [3, 5], [0]], [0]],
    ['entries in front of, at the head of and inside of a loop', [[1], [2], [3], [1, 4], []], [0, 1, 3]],
    [
      'everything goes everywhere',
      [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
      [0, 1, 2, 3],
    ],
    ['the second entry is not reached from the first', [[1], [], [3], [1]], [0, 2]],
  ]
  for (const [name, edges, entries] of named) {
    test(name, () => {
      const one = graph(edges, entries)
      const [compiled] = compile([one])
      check(one, compiled!, new Random(name))
    })
  }

  test(`${GRAPHS} random graphs`, (t) => {
    const random = new Random(`${SEED}/structure`)
    const graphs = Array.from({ length: GRAPHS }, () => randomGraph(random))
    const compiled = compile(graphs)
    let visits = 0
    for (const [i, one] of graphs.entries()) {
      try {
        visits += check(one, compiled[i]!, random)
      } catch (error) {
        const text = one.nodes.map(
          ({ id, successors }) => `${id} → ${successors.map((to) => to.id).join(' ')}`,
        )
        const entries = one.entries.map(({ id }) => id).join(' ')
        throw new Error(`graph ${i} of seed ${SEED}, entries ${entries}:\n${text.join('\n')}`, {
          cause: error,
        })
      }
    }
    t.diagnostic(`${visits} visits`)
  })
})
