// Which of a machine's translations go to the store: those that are still in use when they have been there for a while. So
// code that is soon overwritten, like that of a just-in-time compiler, mostly stays away.

import type { CodeStore } from './code-store.ts'
import type { Recipe } from './stored-batch.ts'

interface Unsaved {
  readonly module: WebAssembly.Module
  readonly bytes: Uint8Array
  /** By the region's record. */
  readonly recipes: Map<number, Recipe>
}

export class Keeping {
  readonly #store: CodeStore
  #unsaved: Unsaved[] = []

  constructor(store: CodeStore) {
    this.#store = store
  }

  add(module: WebAssembly.Module, bytes: Uint8Array, recipes: Map<number, Recipe>): void {
    this.#unsaved.push({ module, bytes, recipes })
  }

  release(records: Iterable<number>): void {
    for (const record of records) for (const { recipes } of this.#unsaved) recipes.delete(record)
  }

  save(): void {
    for (const { module, bytes, recipes } of this.#unsaved)
      if (recipes.size > 0) this.#store.save([...recipes.values()], bytes, module)
    this.#unsaved = []
  }
}
