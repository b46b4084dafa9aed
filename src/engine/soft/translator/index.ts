// engine/soft/translator/: hot guest code becomes WebAssembly.
export {
  type TranslatedCore,
  Translator,
  TRANSLATOR_COUNTERS,
  type TranslatorCounters,
  type TranslatorOptions,
} from './translator.ts'
export { REGION_STATISTICS, TRANSLATOR_STATISTICS } from './addresses.ts'
export { translatorFromEnvironment } from './environment.ts'
