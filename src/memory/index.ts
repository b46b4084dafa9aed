// memory/: guest RAM, seen from the host.
export { GuestMemory, GuestMemoryError } from './guest-memory.ts'
