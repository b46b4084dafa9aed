// Finds the first difference between a program on the host's processor and the same program in our core.
//
//   blocks  both run from system call to system call at full speed; registers and all writable memory are compared
//           at each. Start-up (CPUID, choice of functions) is stepped. A difference names the system calls around it.
//   steps   both go instruction by instruction; every register is compared after each, memory at system calls. A
//           difference names the instruction. `from` starts stepping at a system call that `blocks` named.
//
// What cannot be equal is made so: CPUID, RDTSC, TZCNT natively get our core’s answers, RSEQ is refused (the kernel
// writes there at will), the vDSO is hidden. Flags that an instruction leaves undefined may differ until written.

import { Decoder, DecoderOptions, Formatter, FormatterSyntax, RflagsBits } from 'iced-x86'
import { REGISTER_NAMES } from '../differential/record.ts'
import { CoreProcess } from './core-process.ts'
import { type Changeable, NativeProcess, NativeState } from './native-process.ts'

export interface Options {
  readonly input?: string | Uint8Array
  /** Step from this system call on (counted from 0); without it only through the start-up. */
  readonly from?: number
  /** Go back to blocks after this one. */
  readonly to?: number
  /** Give up, without a difference, after so many single steps. */
  readonly steps?: number
  /** Another core.wasm than the built one. */
  readonly core?: string
  readonly onProgress?: (text: string) => void
}

export interface Report {
  /** undefined: no difference. */
  readonly difference: string | undefined
  readonly steps: number
  readonly systemCalls: number
  /** Instructions that our core executed. */
  readonly instructions: bigint
}

const BATCH = 1024
/** System calls of the start-up, which is stepped: by then a libc has asked CPUID all that it wants to know. */
const START_UP = 8
const COMPARED_FLAGS = 0x0c_d5 // OF DF SF ZF AF PF CF
const RSEQ = 334n
const EXIT = 60n
const EXIT_GROUP = 231n
/** System calls that change no memory: write, close, lseek, dup, ioctl on files and the like. */
const READ_ONLY = new Set([1n, 3n, 8n, 20n, 32n, 33n, 74n, 75n, 77n, 80n, 87n, 92n])
const MAPPINGS = new Set([9n, 10n, 11n, 12n, 25n, 28n])

type Special = 'syscall' | 'answered' | 'transcendental' | undefined
/** F2XM1 FYL2X FPTAN FPATAN FYL2XP1 FSINCOS FSIN FCOS, after D9. */
const TRANSCENDENTAL = new Set([0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff])

/** State of our core after a step, in the layouts that the comparison wants. */
class Snapshot {
  readonly registers = new Uint32Array(32)
  readonly bytes: Uint8Array = new Uint8Array(this.registers.buffer)
  readonly fxsave = new Uint8Array(416)
  rip = 0n
  ripBefore = 0n
  rflags = 0
  code: Uint8Array = new Uint8Array()
}

export async function compare(program: readonly string[], options: Options = {}): Promise<Report> {
  const native = await NativeProcess.start(program, options.input)
  const ours = new CoreProcess(native.pid, native.start, options.core)
  try {
    return await new Comparison(native, ours, options).run()
  } finally {
    ours.close()
    native.close()
  }
}

class Comparison {
  readonly #native: NativeProcess
  readonly #ours: CoreProcess
  readonly #options: Options
  readonly #snapshots: Snapshot[] = Array.from({ length: BATCH }, () => new Snapshot())
  readonly #nativeRegisters = new Uint32Array(32)
  #state: NativeState
  #steps = 0
  #systemCalls = 0
  /** Flags that may differ: undefined ones that nobody has written since. */
  #undefined = 0

  constructor(native: NativeProcess, ours: CoreProcess, options: Options) {
    this.#native = native
    this.#ours = ours
    this.#options = options
    this.#state = native.start
  }

  async run(): Promise<Report> {
    const from = this.#options.from ?? Number.POSITIVE_INFINITY
    const to = this.#options.to ?? Number.POSITIVE_INFINITY
    const limit = this.#options.steps ?? Number.POSITIVE_INFINITY
    let difference: string | undefined | 'end'
    while (difference === undefined && this.#steps < limit) {
      const stepping = this.#systemCalls < START_UP || (this.#systemCalls >= from && this.#systemCalls <= to)
      difference = stepping ? await this.#stepSome() : await this.#runBlocks()
    }
    return {
      difference: difference === 'end' ? undefined : difference,
      steps: this.#steps,
      systemCalls: this.#systemCalls,
      instructions: this.#ours.machine.get('icount'),
    }
  }

  /** Up to BATCH single steps, or one special instruction. */
  async #stepSome(): Promise<string | undefined | 'end'> {
    const special = this.#special()
    if (special === 'syscall') return this.#systemCall()
    if (special === 'transcendental') return this.#transcendental()
    if (special !== undefined) return this.#answer()
    let count = 0
    let fault: number | undefined
    while (count < BATCH && this.#special() === undefined) {
      const snapshot = this.#snapshots[count]!
      snapshot.ripBefore = this.#ours.machine.get('rip')
      const first = this.#ours.codeByte(0)
      // REP: natively a step is one iteration; ours is the whole repetition.
      const repeated = first === 0xf3 || first === 0xf2
      snapshot.code = repeated ? this.#ours.code() : snapshot.code
      if (repeated && count > 0) break
      fault = this.#ours.step()
      if (fault !== undefined) break
      this.#fill(snapshot)
      count++
      if (repeated) break
    }
    if (count > 0) {
      const difference = await this.#compareSteps(count)
      if (difference !== undefined) return difference
    }
    if (fault === undefined) return undefined
    // The native program must get the signal of this exception.
    const code = this.#ours.code()
    const { status, states } = await this.#native.step(1)
    if (status !== 0) return 'end'
    return `our core raised exception ${fault} (error ${this.#ours.machine.view.getUint32(0x20d8, true).toString(16)}, cr2 ${this.#ours.machine.get('cr2').toString(16)}), the host went on\n${this.#describe(code, this.#ours.machine.get('rip'))}\nhost: rip ${states[0]!.rip.toString(16)}`
  }

  async #compareSteps(count: number): Promise<string | undefined | 'end'> {
    let { states, status } = await this.#native.step(count)
    if (count === 1) {
      // The iterations of a repetition, until RIP has left it.
      const { ripBefore } = this.#snapshots[0]!
      while (status === 0 && states[0]!.rip === ripBefore && this.#snapshots[0]!.rip !== ripBefore) {
        const more = await this.#native.step(1)
        states = more.states
        status = more.status
      }
    }
    for (const [i, state] of states.entries()) {
      this.#state = state
      this.#steps++
      const snapshot = this.#snapshots[i]!
      const what = this.#compareState(snapshot, state)
      if (what !== undefined) return this.#differs(snapshot, what)
    }
    if (status !== 0)
      return `the host's program ended (status ${status.toString(16)}), ours went on at ${this.#snapshots[states.length]?.ripBefore.toString(16)}`
    if (this.#steps % (BATCH * 64) < BATCH)
      this.#options.onProgress?.(`${this.#steps} steps, ${this.#systemCalls} system calls`)
    return undefined
  }

  #differs(snapshot: Snapshot, what: string): string {
    // The code may have been overwritten meanwhile; mostly it has not.
    const code = this.#ours.bytesAt(snapshot.ripBefore)
    const where = `after ${this.#steps} steps and ${this.#systemCalls} system calls`
    return `${where}:\n${this.#describe(code, snapshot.ripBefore)}\n${what}`
  }

  #fill(snapshot: Snapshot): void {
    this.#ours.copyRegisters(snapshot.bytes)
    snapshot.rflags = Number(this.#ours.machine.core.readRflags())
    snapshot.rip = this.#ours.machine.get('rip')
    this.#ours.copyFxsave(snapshot.fxsave)
  }

  #compareState(snapshot: Snapshot, state: NativeState): string | undefined {
    if (snapshot.rip !== state.rip)
      return `rip: ours ${snapshot.rip.toString(16)}, host ${state.rip.toString(16)}`
    state.copyRegisters(this.#nativeRegisters)
    for (let i = 0; i < 32; i++) {
      if (snapshot.registers[i] === this.#nativeRegisters[i]) continue
      const number = i >> 1
      const value =
        (BigInt(snapshot.registers[number * 2 + 1]!) << 32n) | BigInt(snapshot.registers[number * 2]!)
      return `${REGISTER_NAMES[number]}: ours ${value.toString(16)}, host ${state.register(number).toString(16)}`
    }
    const flags = (snapshot.rflags ^ state.rflags) & COMPARED_FLAGS
    if ((flags & ~this.#undefined) !== 0) {
      const allowed =
        undefinedFlags(this.#ours.bytesAt(snapshot.ripBefore), snapshot.ripBefore) | this.#undefined
      if ((flags & ~allowed) !== 0)
        return `rflags: ours ${snapshot.rflags.toString(16)}, host ${state.rflags.toString(16)}`
    }
    this.#undefined = flags
    return differentFxsave(snapshot.fxsave, state.fxsave)
  }

  #special(): Special {
    const first = this.#ours.codeByte(0)
    if (first === 0xd9) return TRANSCENDENTAL.has(this.#ours.codeByte(1)) ? 'transcendental' : undefined
    if (first === 0xf3) return this.#isBitCount() ? 'answered' : undefined
    if (first !== 0x0f) return undefined
    const second = this.#ours.codeByte(1)
    if (second === 0x05) return 'syscall'
    if (second === 0xa2) return 'answered'
    if (second === 0x31 || (second === 0x01 && this.#ours.codeByte(2) === 0xf9)) return 'answered'
    return undefined
  }

  /** F3 0F BC and BD: TZCNT and LZCNT natively, BSF and BSR for us, who do not promise BMI and ABM. */
  #isBitCount(): boolean {
    const at = (this.#ours.codeByte(1) & 0xf0) === 0x40 ? 2 : 1
    return this.#ours.codeByte(at) === 0x0f && (this.#ours.codeByte(at + 1) & 0xfe) === 0xbc
  }

  /** CPUID, RDTSC, TZCNT, LZCNT: our answer is the host's too. */
  #answer(): undefined {
    const { machine } = this.#ours
    this.#ours.step()
    const values = new Map<Changeable, bigint>([
      ['rip', machine.get('rip')],
      ['eflags', machine.core.readRflags()],
    ])
    for (const [number, name] of REGISTER_NAMES.entries()) values.set(number, machine.get(name as 'rax'))
    const registers = this.#state.changed(values)
    this.#native.setRegisters(registers)
    const bytes = new Uint8Array(this.#state.bytes)
    bytes.set(registers)
    this.#state = new NativeState(bytes)
    return undefined
  }

  /** Its last bit is the processor's own (SDM volume 1, 8.3.10): one unit of difference is taken over. */
  async #transcendental(): Promise<string | undefined | 'end'> {
    const snapshot = this.#snapshots[0]!
    snapshot.ripBefore = this.#ours.machine.get('rip')
    this.#ours.step()
    this.#fill(snapshot)
    const { states, status } = await this.#native.step(1)
    const state = states[0]
    if (status !== 0 || state === undefined) return 'end'
    this.#steps++
    for (const at of [32, 48]) {
      const word = (from: Uint8Array): bigint =>
        new DataView(from.buffer, from.byteOffset + at).getBigUint64(0, true)
      const distance = word(snapshot.fxsave) - word(state.fxsave)
      if (distance === 1n || distance === -1n) snapshot.fxsave.set(state.fxsave.subarray(at, at + 8), at)
    }
    const what = this.#compareState(snapshot, state)
    if (what !== undefined) return this.#differs(snapshot, what)
    this.#state = state
    this.#ours.takeState(state)
    return undefined
  }

  async #systemCall(): Promise<string | undefined | 'end'> {
    const number = this.#ours.machine.get('rax')
    const memory = this.#compareMemory()
    if (memory !== undefined) return memory
    if (number === EXIT_GROUP || number === EXIT) return 'end'
    if (number === RSEQ) this.#native.setRegisters(this.#state.changed(new Map([[0, 9999n]])))
    const { states, status } = await this.#native.step(1)
    if (status !== 0 || states.length === 0) return 'end'
    this.#afterSystemCall(number, states[0]!)
    return undefined
  }

  /** To the next system call at full speed, and through it. */
  async #runBlocks(): Promise<string | undefined | 'end'> {
    const fault = this.#ours.runToSystemCall()
    const { states, status } = await this.#native.toSystemCall()
    const state = states[0]
    const here = `between system calls ${this.#systemCalls - 1} and ${this.#systemCalls}`
    if (fault !== undefined)
      return status !== 0 ? 'end' : `${here}: our core raised exception ${fault}, the host went on`
    if (state === undefined)
      return `${here}: the host's program ended (status ${status.toString(16)}), ours did not`
    const number = this.#ours.machine.get('rax')
    const snapshot = this.#snapshots[0]!
    this.#fill(snapshot)
    if (number !== state.systemCall) return `${here}: ours calls ${number}, the host ${state.systemCall}`
    for (let i = 0; i < 16; i++) {
      if (i === 0 || i === 11) continue // RAX is spoiled at this point; R11 holds flags, undefined ones among them
      const value = (BigInt(snapshot.registers[i * 2 + 1]!) << 32n) | BigInt(snapshot.registers[i * 2]!)
      if (value !== state.register(i))
        return `${here}: ${REGISTER_NAMES[i]}: ours ${value.toString(16)}, host ${state.register(i).toString(16)}`
    }
    const difference = differentFxsave(snapshot.fxsave, state.fxsave)
    if (difference !== undefined) return `${here}: ${difference}`
    const memory = this.#compareMemory()
    if (memory !== undefined) return `${here}: ${memory}`
    if (number === EXIT_GROUP || number === EXIT) return 'end'
    if (number === RSEQ) this.#native.setRegisters(state.changed(new Map([['orig_rax', 9999n]])))
    const exit = await this.#native.finishSystemCall()
    if (exit.status !== 0 || exit.states.length === 0) return 'end'
    this.#afterSystemCall(number, exit.states[0]!)
    return undefined
  }

  #afterSystemCall(number: bigint, state: NativeState): void {
    this.#systemCalls++
    this.#state = state
    this.#undefined = 0
    this.#ours.takeState(state)
    if (MAPPINGS.has(number)) this.#ours.takeMappings()
    else if (!READ_ONLY.has(number)) this.#ours.takeMemory()
    if (this.#systemCalls % 100 === 0)
      this.#options.onProgress?.(`${this.#steps} steps, ${this.#systemCalls} system calls`)
  }

  #compareMemory(): string | undefined {
    const different = this.#ours.differentMemory()
    if (different === undefined) return undefined
    const { address, ours, native } = different
    return `memory at ${address.toString(16)}: ours ${ours.toString(16)}, host ${native.toString(16)} (found before system call ${this.#systemCalls})`
  }

  #describe(code: Uint8Array, rip: bigint): string {
    const decoder = new Decoder(64, code, DecoderOptions.None)
    decoder.ip = rip
    const text = new Formatter(FormatterSyntax.Intel).format(decoder.decode())
    return `  ${rip.toString(16)}: ${Buffer.from(code).toString('hex')}  ${text}`
  }
}

/** RFLAGS bits that the instruction at `code` leaves undefined. */
function undefinedFlags(code: Uint8Array, rip: bigint): number {
  const decoder = new Decoder(64, code, DecoderOptions.None)
  decoder.ip = rip
  const instruction = decoder.decode()
  const bits = instruction.rflagsUndefined
  instruction.free()
  decoder.free()
  const map = [
    [RflagsBits.CF, 1],
    [RflagsBits.PF, 4],
    [RflagsBits.AF, 0x10],
    [RflagsBits.ZF, 0x40],
    [RflagsBits.SF, 0x80],
    [RflagsBits.OF, 0x800],
  ] as const
  return map.reduce((all, [theirs, ours]) => (bits & theirs ? all | ours : all), 0)
}

/** In the status word's upper byte: after a transcendental function it tells how the last bit was rounded. */
const C1 = 2

/** Control, status, tags, MXCSR, registers; not the pointers of the last x87 instruction. */
function differentFxsave(ours: Uint8Array, host: Uint8Array): string | undefined {
  if (
    ours[3] === host[3] &&
    ours[24] === host[24] &&
    Buffer.compare(ours.subarray(32, 416), host.subarray(32, 416)) === 0
  ) {
    if (
      ours[0] === host[0] &&
      ours[1] === host[1] &&
      ours[2] === host[2] &&
      ours[4] === host[4] &&
      ours[25] === host[25]
    )
      return undefined
  }
  for (let i = 0; i < 416; i++) {
    if (ours[i] === host[i] || (i === 3 && ((ours[3]! ^ host[3]!) & ~C1) === 0)) continue
    if ((i >= 5 && i < 24) || (i >= 28 && i < 32)) continue
    if (i >= 32 && i < 160 && i % 16 >= 10) continue
    const hex = (from: Uint8Array, at: number, size: number): string =>
      Buffer.from(from.slice(at, at + size))
        .reverse()
        .toString('hex')
    if (i >= 160) {
      const number = (i - 160) >> 4
      return `xmm${number}: ours ${hex(ours, 160 + number * 16, 16)}, host ${hex(host, 160 + number * 16, 16)}`
    }
    if (i >= 32) {
      const number = (i - 32) >> 4
      return `st${number}: ours ${hex(ours, 32 + number * 16, 10)}, host ${hex(host, 32 + number * 16, 10)}`
    }
    const name = i < 2 ? 'x87 control' : i < 4 ? 'x87 status' : i < 5 ? 'x87 tags' : 'mxcsr'
    const [at, size] = i < 2 ? [0, 2] : i < 4 ? [2, 2] : i < 5 ? [4, 1] : [24, 4]
    return `${name}: ours ${hex(ours, at, size)}, host ${hex(host, at, size)}`
  }
  return undefined
}
