// What the host's side of a soak looks like at one moment: memory, descriptors, threads, handles, and what the CPU
// counted. Garbage is collected first if node allows (--expose-gc), so that what is counted is in use.

import { readdirSync, readFileSync } from 'node:fs'
import type { Machine } from '../../src/index.ts'

export interface Sample {
  /** Since the start of the soak. */
  readonly seconds: number
  /** Bytes of the process. */
  readonly rss: number
  /** Of these, the guest's memory with the engine's tables, which fills as the guest touches it. */
  readonly guest: number
  readonly external: number
  readonly heapUsed: number
  readonly descriptors: number
  readonly threads: number
  /** Whatever keeps the event loop alive, Workers and their ports among it. */
  readonly handles: number
  /** Lines of /proc/self/maps: compiled code comes in mappings. */
  readonly mappings: number
  readonly counters: Readonly<Record<string, number | string>>
}

export function sample(machine: Machine, seconds: number, guestBytes: number): Sample {
  globalThis.gc?.()
  const { rss, guest, mappings } = mappedMemory(guestBytes)
  const { external, heapUsed } = process.memoryUsage()
  return {
    seconds,
    rss,
    guest,
    external,
    heapUsed,
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    handles: process.getActiveResourcesInfo().length,
    mappings,
    counters: plain(machine.counters()),
  }
}

/** The guest's memory is the mapping, or the neighbouring ones, of its size. */
function mappedMemory(guestBytes: number): Pick<Sample, 'rss' | 'guest' | 'mappings'> {
  let [rss, guest, mappings, large] = [0, 0, 0, false]
  for (const line of readFileSync('/proc/self/smaps', 'latin1').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line)
    if (range) {
      mappings++
      large = Number.parseInt(range[2]!, 16) - Number.parseInt(range[1]!, 16) >= guestBytes
      continue
    }
    const bytes = /^Rss: +(\d+) kB/.exec(line)
    if (!bytes) continue
    rss += Number(bytes[1]) * 1024
    if (large) guest += Number(bytes[1]) * 1024
  }
  return { rss, guest, mappings }
}

/** JSON has no bigint. */
function plain(counters: object): Record<string, number | string> {
  return Object.fromEntries(
    Object.entries(counters).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? Number(value) : value,
    ]),
  )
}

export function line(now: Sample, before: Sample | undefined, doing: string): string {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
  const counted = (each: Sample | undefined): number => Number(each?.counters.instructions ?? 0)
  const mips = before ? (counted(now) - counted(before)) / (now.seconds - before.seconds) / 1e6 : Number.NaN
  return [
    `${now.seconds.toFixed(0).padStart(5)} s`,
    `rss ${mib(now.rss)} MiB (guest ${mib(now.guest)}, own ${mib(now.rss - now.guest)})`,
    `heap ${mib(now.heapUsed)} external ${mib(now.external)}`,
    `fds ${now.descriptors} threads ${now.threads} handles ${now.handles} mappings ${now.mappings}`,
    `${mips.toFixed(0)} MIPS, ${now.counters.blocksDecoded} blocks, ${now.counters.tlbFlushes} flushes, ${now.counters.exceptions} exceptions`,
    doing,
  ].join('  ')
}
