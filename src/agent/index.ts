// agent/: the host side of the program that runs as PID 1 in the guest.
export type { AgentOptions } from './connection.ts'
export { AgentConnection } from './connection.ts'
export type { AgentFailure } from './console-line.ts'
export { parseAgentLine } from './console-line.ts'
export type {
  ProcessDefaults,
  ProcessExit,
  ProcessHost,
  ProcessSpec,
  RemoteProcess,
  StreamTransport,
} from './contract.ts'
export { StartFailure } from './contract.ts'
export type { StartStep, StdioMode } from './protocol.ts'
export { CONTROL_PORT, STREAM_PORT } from './protocol.ts'
export type { SignalName } from './signals.ts'
export { SIGNAL_NUMBERS, signalName, signalNumber } from './signals.ts'
