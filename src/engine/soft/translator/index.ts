// engine/soft/translator/: hot guest code becomes WebAssembly.
export { REGION_STATISTICS, TRANSLATOR_STATISTICS } from './addresses.ts'
export { translatorFromEnvironment } from './environment.ts'
export { connectTranslator } from './shared-translator.ts'
export { type TranslatedCore, Translation, TRANSLATOR_COUNTERS, type TranslatorCounters } from './translation.ts'
export type { TranslatorOptions } from './translator.ts'
