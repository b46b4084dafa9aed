// platform/: what a PC has besides virtio: serial port, clock, ways to restart; and files as disks.
export { FileBlockBackend, type FileBlockBackendOptions } from './block-file.ts'
export { PIC_MASTER_PORT, PIC_PORTS, PIC_SLAVE_PORT, Pic } from './pic.ts'
export {
  KEYBOARD_CONTROLLER_PORT,
  KEYBOARD_CONTROLLER_PORTS,
  KeyboardController,
  POWER_CONTROL_PORT,
  POWER_CONTROL_PORTS,
  PowerControl,
  type PowerRequest,
  RESET_CONTROL_PORT,
  RESET_CONTROL_PORTS,
  ResetControl,
} from './power.ts'
export { RTC_PORT, RTC_PORTS, Rtc } from './rtc.ts'
export { Serial, type SerialOptions } from './serial.ts'
