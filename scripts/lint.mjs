// Format and lint (Biome), types (tsc), and the walls between rooms (check-rooms.mjs).
import { pathToFileURL } from 'node:url'
import { checkRooms } from './check-rooms.mjs'
import { inRoot } from './lib/paths.mjs'
import { main, runVisibly } from './lib/run.mjs'

/** Gives 0, or 1 when anything is wrong; everything is checked in any case. */
export async function lint() {
  const biome = await runVisibly(inRoot('node_modules/.bin/biome'), ['check', '.'])
  const types = await runVisibly(inRoot('node_modules/.bin/tsc'), ['-p', '.', '--noEmit'])
  const rooms = await checkRooms()
  return biome === 0 && types === 0 && rooms === 0 ? 0 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(lint)
