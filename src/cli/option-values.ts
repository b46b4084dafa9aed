// Durations, sizes and variables as they are written on a command line.

import { InvalidArgumentError } from 'commander'

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 }
/** Command.timeout() takes no more: 24 days. */
const MAX_MS = 2 ** 31 - 1

/** `30`, `30s`, `1m30s`, `1.5h`, `500ms`; a bare number is seconds. 0 is no limit, as in timeout(1). @returns ms */
export function parseDuration(text: string): number {
  const withUnit = /^(?:\d+|\d*\.\d+)$/.test(text) ? `${text}s` : text
  const parts = [...withUnit.matchAll(/(\d*\.\d+|\d+)(ms|[smhd])/gy)]
  const length = parts.reduce((sum, [part]) => sum + part.length, 0)
  if (text === '' || length !== withUnit.length) {
    throw new InvalidArgumentError('Write it like 30s, 1m30s or 500ms.')
  }
  const milliseconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNIT_MS[unit!]!, 0)
  if (milliseconds > MAX_MS) throw new InvalidArgumentError('The longest is 24 days.')
  return milliseconds
}

/** Also `512m` and `1g`, which other tools take. What a size may be is for the library to say. */
export function parseSize(text: string): string {
  return text.replace(/([bkmg])$/, (unit) => unit.toUpperCase())
}

export type Variables = ReadonlyMap<string, string>

/** `K=V`; or `K`, which takes the value that it has here, if it has one. */
export function parseVariable(text: string, others: Variables = new Map()): Variables {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  if (name === '') throw new InvalidArgumentError('Write it as NAME=VALUE.')
  const value = equals < 0 ? process.env[name] : text.slice(equals + 1)
  return value === undefined ? others : new Map([...others, [name, value]])
}

/** A number of times: 1 to 1000. */
export function parseCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw new InvalidArgumentError('Write a whole number from 1 to 1000.')
  return count
}
