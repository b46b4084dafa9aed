// A 16550A UART: `ttyS0`, for the kernel's early messages (and the only console of a kernel that has not got far).
//
//   +0 RBR/THR, DLL   +1 IER, DLM   +2 IIR/FCR   +3 LCR   +4 MCR   +5 LSR   +6 MSR   +7 SCR
//
// Transmission takes no time: THR is always empty, and every byte written is reported so. Enough for Linux's 8250
// driver to find a 16550A with working FIFOs (FCR, loopback and scratch tests) and to run by interrupts.
// Left out: baud rate (the divisor is only remembered), errors, breaks, modem lines outside of loopback.
//
// The line is edge-triggered: it is raised when an interrupt becomes pending where none was. Linux's handler loops
// until IIR says that nothing is pending, so no second edge is needed meanwhile.

import type { AccessWidth, BusDevice, InterruptLine } from '../bus/index.ts'

const IER_RDI = 0x01
const IER_THRI = 0x02
const IER_BITS = 0x0f
const IIR_NO_INT = 0x01
const IIR_THRI = 0x02
const IIR_RDI = 0x04
const IIR_FIFO_ENABLED = 0xc0
const FCR_ENABLE = 0x01
const FCR_CLEAR_RCVR = 0x02
const LCR_DLAB = 0x80
const MCR_BITS = 0x1f
const MCR_LOOP = 0x10
const LSR_DR = 0x01
const LSR_THRE_TEMT = 0x60
const MSR_CTS_DSR_DCD = 0xb0

/** Output is handed on by lines, or at the end of a turn, or when this much has gathered. */
const OUTPUT_BYTES = 1024
/** A guest that never reads its serial port must not make us keep the caller's input for ever. */
const MAX_PENDING_INPUT_BYTES = 64 * 1024
const NEWLINE = 0x0a

export interface SerialOptions {
  readonly line: InterruptLine
  /** Gets what the guest prints, in order; the bytes are the callee's own. */
  readonly output: (bytes: Uint8Array) => void
}

export class Serial implements BusDevice {
  readonly name = 'serial'
  readonly #line: InterruptLine
  readonly #output: (bytes: Uint8Array) => void
  readonly #registers = { ier: 0, fcr: 0, lcr: 0, mcr: 0, scr: 0, divisor: 12 }
  /** THR has become empty and the driver has not been told. */
  #thrEmptyPending = false
  #interruptPending = false
  #input: number[] = []
  #inputAt = 0
  readonly #buffer = new Uint8Array(OUTPUT_BYTES)
  #buffered = 0
  #flushBooked = false

  constructor({ line, output }: SerialOptions) {
    this.#line = line
    this.#output = output
  }

  /** Types into the terminal. @returns how many bytes were taken; the rest should be offered again later */
  input(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, MAX_PENDING_INPUT_BYTES - (this.#input.length - this.#inputAt))
    if (this.#inputAt > MAX_PENDING_INPUT_BYTES) {
      this.#input = this.#input.slice(this.#inputAt)
      this.#inputAt = 0
    }
    for (let i = 0; i < taken; i++) this.#input.push(bytes[i]!)
    this.#updateInterrupt()
    return taken
  }

  /** Hands on what has been printed of an unfinished line. For the end of a machine. */
  flush(): void {
    if (this.#buffered === 0) return
    const bytes = this.#buffer.slice(0, this.#buffered)
    this.#buffered = 0
    this.#output(bytes)
  }

  read(offset: number, _width: AccessWidth): number {
    const { ier, lcr, mcr, scr, divisor } = this.#registers
    const latch = (lcr & LCR_DLAB) !== 0
    switch (offset) {
      case 0:
        return latch ? divisor & 0xff : this.#readByte()
      case 1:
        return latch ? divisor >> 8 : ier
      case 2:
        return this.#readIir()
      case 3:
        return lcr
      case 4:
        return mcr
      case 5:
        return LSR_THRE_TEMT | (this.#hasInput ? LSR_DR : 0)
      case 6:
        return this.#modemStatus()
      case 7:
        return scr
      default:
        return 0xff
    }
  }

  write(offset: number, _width: AccessWidth, value: number): void {
    const registers = this.#registers
    const byte = value & 0xff
    const latch = (registers.lcr & LCR_DLAB) !== 0
    switch (offset) {
      case 0:
        if (latch) registers.divisor = (registers.divisor & 0xff00) | byte
        else this.#writeByte(byte)
        break
      case 1:
        if (latch) registers.divisor = (registers.divisor & 0x00ff) | (byte << 8)
        else this.#writeIer(byte)
        break
      case 2:
        registers.fcr = byte
        if ((byte & FCR_CLEAR_RCVR) !== 0) this.#dropInput()
        break
      case 3:
        registers.lcr = byte
        break
      case 4:
        registers.mcr = byte & MCR_BITS
        break
      case 7:
        registers.scr = byte
        break
    }
    this.#updateInterrupt()
  }

  get #hasInput(): boolean {
    return this.#inputAt < this.#input.length
  }

  #readByte(): number {
    if (!this.#hasInput) return 0
    const byte = this.#input[this.#inputAt++]!
    if (!this.#hasInput) this.#dropInput()
    this.#updateInterrupt()
    return byte
  }

  #dropInput(): void {
    this.#input = []
    this.#inputAt = 0
  }

  #writeByte(byte: number): void {
    this.#thrEmptyPending = true
    if ((this.#registers.mcr & MCR_LOOP) !== 0) {
      // Back into our own receiver, which is as bounded as for input from outside.
      this.input(Uint8Array.of(byte))
      return
    }
    this.#buffer[this.#buffered++] = byte
    if (byte === NEWLINE || this.#buffered === OUTPUT_BYTES) this.flush()
    else this.#bookFlush()
  }

  #bookFlush(): void {
    if (this.#flushBooked) return
    this.#flushBooked = true
    setImmediate(() => {
      this.#flushBooked = false
      this.flush()
    })
  }

  #writeIer(byte: number): void {
    // Allowing this interrupt while THR is empty, which it always is, makes it pending at once.
    if ((byte & IER_THRI) !== 0 && (this.#registers.ier & IER_THRI) === 0) this.#thrEmptyPending = true
    this.#registers.ier = byte & IER_BITS
  }

  /** Which interrupt is pending, the most urgent first. Reading it is the receipt for "THR is empty". */
  #readIir(): number {
    const fifo = (this.#registers.fcr & FCR_ENABLE) !== 0 ? IIR_FIFO_ENABLED : 0
    const pending = this.#pendingInterrupt()
    if (pending === IIR_THRI) {
      this.#thrEmptyPending = false
      this.#updateInterrupt()
    }
    return fifo | pending
  }

  #pendingInterrupt(): number {
    const { ier } = this.#registers
    if ((ier & IER_RDI) !== 0 && this.#hasInput) return IIR_RDI
    if ((ier & IER_THRI) !== 0 && this.#thrEmptyPending) return IIR_THRI
    return IIR_NO_INT
  }

  #updateInterrupt(): void {
    const pending = this.#pendingInterrupt() !== IIR_NO_INT
    const rises = pending && !this.#interruptPending
    this.#interruptPending = pending
    if (rises) this.#line.raise()
  }

  /** In loopback the modem outputs come back as inputs: RTS→CTS, DTR→DSR, OUT1→RI, OUT2→DCD. */
  #modemStatus(): number {
    const { mcr } = this.#registers
    if ((mcr & MCR_LOOP) === 0) return MSR_CTS_DSR_DCD
    return ((mcr & 0x02) << 3) | ((mcr & 0x01) << 5) | ((mcr & 0x0c) << 4)
  }
}
