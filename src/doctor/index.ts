// doctor/: can machines run here, and if not, what is missing? For `inlinux doctor` and for bug reports.
//
// It looks at the same things that starting a machine uses, in the same order (host → engine → guest → cache), and
// on request starts one. It throws nothing: what is wrong is the report.
export { doctor } from './doctor.ts'
export type {
  BootCheck,
  CacheCheck,
  DoctorOptions,
  DoctorReport,
  EngineCheck,
  Feature,
  GuestCheck,
  GuestFile,
  HostFacts,
  Problem,
} from './report.ts'
export { version } from './version.ts'
