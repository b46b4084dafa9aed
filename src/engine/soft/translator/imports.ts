// Functions that every module of translated code imports, by index: two of the core (core/translated.ts), and the two of
// chain-function.ts.
export const IMPORTS = { holds: 0, perform: 1, chainKernel: 2, chainUser: 3 } as const
