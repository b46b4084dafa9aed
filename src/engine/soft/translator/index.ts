// engine/soft/translator/: hot guest code becomes WebAssembly.
export {
  CHAINS,
  CHAINS_VIEW,
  CPL,
  JUMPS,
  JUMPS_VIEW,
  REGION_STATISTICS,
  RIP,
  RUNNING,
  TRANSLATOR_STATISTICS,
} from './addresses.ts'
export { translatorFromEnvironment } from './environment.ts'
export { connectTranslator } from './shared-translator.ts'
export {
  TRANSLATOR_COUNTERS,
  type TranslatedCore,
  Translation,
  type TranslatorCounters,
  type TranslatorLink,
} from './translation.ts'
export type { TranslatorOptions } from './translator.ts'
