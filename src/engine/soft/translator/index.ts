// engine/soft/translator/: hot guest code becomes WebAssembly.
export { Translator, type TranslatedCore, type TranslatorCounters, type TranslatorOptions } from './translator.ts'
export { translatorFromEnvironment } from './environment.ts'
