// Physical addresses beyond RAM: the two APICs inside this module, the register windows of the virtio devices
// in shared words, and everything else through the host.

import { WINDOWS, WINDOW_COUNT, WINDOW_PHYSICAL } from './layout'
import { ioApicRead, ioApicWrite, localApicRead, localApicWrite } from './apic'

// @ts-ignore: decorator
@external('env', 'mmioRead')
declare function hostMmioRead(address: u32, width: u32): u64
// @ts-ignore: decorator
@external('env', 'mmioWrite')
declare function hostMmioWrite(address: u32, width: u32, value: u64): void
// @ts-ignore: decorator
@external('env', 'notify')
declare function hostNotify(device: u32, queue: u32): void

const IO_APIC_PHYSICAL: u64 = 0xfec00000
const LOCAL_APIC_PHYSICAL: u64 = 0xfee00000
const WINDOWS_END: u64 = WINDOW_PHYSICAL + (<u64>WINDOW_COUNT << 12)

// virtio 1.2, 4.2.2
const QueueNotify: u32 = 0x50
const InterruptStatus: u32 = 0x60
const InterruptACK: u32 = 0x64

export function physicalRead(address: u64, width: u32): u64 {
  if (address >= WINDOW_PHYSICAL && address + width <= WINDOWS_END) {
    const word = WINDOWS + <usize>(address - WINDOW_PHYSICAL)
    if (width == 1) return load<u8>(word)
    if (width == 2) return word & 1 ? allOnes(2) : load<u16>(word)
    if (width == 4) return word & 3 ? allOnes(4) : <u64>atomic.load<u32>(word)
    return load<u64>(word)
  }
  if ((address & ~0xfff) == LOCAL_APIC_PHYSICAL) return localApicRead(<u32>address & 0xfff)
  if ((address & ~0xfff) == IO_APIC_PHYSICAL) return ioApicRead(<u32>address & 0xfff)
  if (address + width > 0x100000000) return allOnes(width)
  return hostMmioRead(<u32>address, width)
}

export function physicalWrite(address: u64, width: u32, value: u64): void {
  if (address >= WINDOW_PHYSICAL && address < WINDOWS_END && width == 4) {
    const offset = <u32>(address - WINDOW_PHYSICAL)
    const device = offset >> 12
    const register = offset & 0xfff
    if (register == QueueNotify) {
      hostNotify(device, <u32>value)
      return
    }
    if (register == InterruptACK) {
      atomic.and<u32>(WINDOWS + (<usize>device << 12) + InterruptStatus, ~<u32>value)
      return
    }
  }
  if ((address & ~0xfff) == LOCAL_APIC_PHYSICAL) {
    localApicWrite(<u32>address & 0xfff, <u32>value)
    return
  }
  if ((address & ~0xfff) == IO_APIC_PHYSICAL) {
    ioApicWrite(<u32>address & 0xfff, <u32>value)
    return
  }
  if (address + width > 0x100000000) return
  hostMmioWrite(<u32>address, width, value)
}

function allOnes(width: u32): u64 {
  return width == 8 ? ~<u64>0 : (<u64>1 << (width << 3)) - 1
}
