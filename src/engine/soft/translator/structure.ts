// Structured control flow out of a graph. WebAssembly has no goto: a jump forward is a branch out of a block that ends
// where the target starts, a jump back is a branch to a loop that starts there.
//
// The nodes are taken apart into strongly connected components, in topological order: each component starts where a
// block ends, so every jump to a later one is a branch. A component with a cycle becomes a loop; edges to its entries
// are branches to the loop, and without them its inside is taken apart in the same way. Where a component has several
// entries, or code comes from outside to one of several nodes, the number of the node that is meant is in a local, and
// a br_table in front sends it there.

import type { Code, Label } from './encoder.ts'

export interface GraphNode {
  readonly successors: readonly GraphNode[]
  /** For this file alone: where the node is in the walk that is going on. */
  walk?: Walk | undefined
}

interface Walk {
  /** Which group's walk this is from; others are stale. */
  group: number
  index: number
  low: number
  open: boolean
  component: number
  head: boolean
}

/** How control gets to a node from where the code is just being written. */
interface Place {
  readonly label: Label
  /** The label is that of a loop that is open: this is a jump back. */
  readonly back: boolean
  /** The node's number has to be in the selector local. */
  readonly selected: boolean
}

export interface StructureWriter<N extends GraphNode> {
  readonly code: Code
  /** Local (i32) for a node's number. */
  readonly selector: number
  /** A number below 64 Ki, its own for each node that several entries need told apart. */
  numberOf(node: N): number
  /** Writes a node's code. It must end each path with `jump`, or leave the function; it never falls through. */
  write(node: N): void
}

export class Structure<N extends GraphNode> {
  readonly #writer: StructureWriter<N>
  readonly #places = new Map<N, Place>()
  #groups = 0

  constructor(writer: StructureWriter<N>) {
    this.#writer = writer
  }

  /**
   * Writes all nodes.
   * @param entries nodes where control may come in; with more than one, the selector says which
   */
  write(nodes: readonly N[], entries: readonly N[]): void {
    this.#group(nodes, entries, new Set())
  }

  /** Would a jump to this node go back? Then it must not be taken without looking at the budget. */
  goesBack(node: N): boolean {
    return this.#places.get(node)!.back
  }

  /** Writes the jump to a node. */
  jump(node: N): void {
    const { code, selector } = this.#writer
    const place = this.#places.get(node)
    if (!place) throw new Error('a jump to a node that is not in reach')
    if (place.selected) {
      code.i32(this.#writer.numberOf(node))
      code.set(selector)
    }
    code.branch(place.label)
  }

  /** @param cut nodes whose incoming edges do not count: the entries of the loops around */
  #group(nodes: readonly N[], entries: readonly N[], cut: ReadonlySet<N>): void {
    const { code } = this.#writer
    const components = this.#stronglyConnected(nodes, cut)
    for (const node of entries) node.walk!.head = true
    for (const node of nodes) {
      for (const successor of node.successors as readonly N[]) {
        const walk = successor.walk
        if (
          walk &&
          walk.group === node.walk!.group &&
          walk.component !== node.walk!.component &&
          !cut.has(successor)
        )
          walk.head = true
      }
    }
    const heads = components.map((component) => component.filter((node) => node.walk!.head))
    const componentOf = new Map(entries.map((node) => [node, node.walk!.component]))
    const before = new Map<N, Place | undefined>()
    const labels: Label[] = []
    for (let i = components.length - 1; i >= 0; i--) labels[i] = code.block()
    for (const [i, component] of components.entries()) {
      for (const node of component) {
        if (cut.has(node)) continue // Its place is the loop around.
        before.set(node, this.#places.get(node))
        this.#places.set(node, { label: labels[i]!, back: false, selected: heads[i]!.length > 1 })
      }
    }
    this.#select(entries, (node) => labels[componentOf.get(node)!]!)
    for (const [i, component] of components.entries()) {
      code.end() // Here starts component i.
      this.#component(component, heads[i]!, cut)
    }
    for (const [node, place] of before) {
      if (place) this.#places.set(node, place)
      else this.#places.delete(node)
    }
  }

  #component(component: readonly N[], heads: readonly N[], cut: ReadonlySet<N>): void {
    const { code } = this.#writer
    const only = component.length === 1 ? component[0]! : undefined
    const cyclic = !only || (only.successors.includes(only) && !cut.has(only))
    if (!cyclic) {
      this.#writer.write(only)
      return
    }
    const label = code.loop()
    const before = new Map<N, Place | undefined>()
    for (const head of heads) {
      before.set(head, this.#places.get(head))
      this.#places.set(head, { label, back: true, selected: heads.length > 1 })
    }
    if (only) this.#writer.write(only)
    else this.#group(component, heads, new Set([...cut, ...heads]))
    for (const [node, place] of before) this.#places.set(node, place!)
    code.end()
  }

  /** The dispatch in front of a group. */
  #select(entries: readonly N[], labelOf: (node: N) => Label): void {
    const { code, selector } = this.#writer
    if (entries.length === 1) {
      code.branch(labelOf(entries[0]!))
      return
    }
    const byNumber = new Map(entries.map((node) => [this.#writer.numberOf(node), node]))
    const size = Math.max(...byNumber.keys()) + 1
    const fallback = labelOf(entries[0]!)
    const table = Array.from({ length: size }, (_, i) => {
      const node = byNumber.get(i)
      return node ? labelOf(node) : fallback
    })
    code.get(selector)
    if (entries.length === 2) {
      const [first, second] = entries as [N, N]
      code.i32(this.#writer.numberOf(second))
      code.op(0x46) // i32.eq
      code.branchIf(labelOf(second))
      code.branch(labelOf(first))
      return
    }
    code.branchTable(table, fallback)
  }

  /** Tarjan's algorithm without recursion, edges into `cut` left out. Components come in topological order. */
  #stronglyConnected(nodes: readonly N[], cut: ReadonlySet<N>): N[][] {
    const group = ++this.#groups
    for (const node of nodes)
      node.walk = { group, index: -1, low: 0, open: false, component: -1, head: false }
    let count = 0
    const open: N[] = []
    const result: N[][] = []
    const path: N[] = []
    const next: number[] = []
    const enter = (node: N): void => {
      const walk = node.walk!
      walk.index = walk.low = count++
      walk.open = true
      open.push(node)
      path.push(node)
      next.push(0)
    }
    for (const root of nodes) {
      if (root.walk!.index >= 0) continue
      enter(root)
      // Bounded: each node is entered once, each edge looked at once.
      while (path.length > 0) {
        const node = path[path.length - 1]!
        const walk = node.walk!
        const successor = node.successors[next[next.length - 1]!++] as N | undefined
        if (successor !== undefined) {
          const its = successor.walk
          if (!its || its.group !== group || cut.has(successor)) continue // Not an edge of this group.
          if (its.index < 0) enter(successor)
          else if (its.open) walk.low = Math.min(walk.low, its.index)
          continue
        }
        path.pop()
        next.pop()
        const parent = path[path.length - 1]
        if (parent) parent.walk!.low = Math.min(parent.walk!.low, walk.low)
        if (walk.low !== walk.index) continue
        const component: N[] = []
        let member: N
        do {
          member = open.pop()!
          member.walk!.open = false
          member.walk!.component = result.length
          component.push(member)
        } while (member !== node)
        result.push(component)
      }
    }
    result.reverse()
    for (const node of nodes) node.walk!.component = result.length - 1 - node.walk!.component
    return result
  }
}
