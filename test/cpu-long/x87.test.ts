// The x87 instructions against the host CPU with at least 10,000 cases for each row, for `npm run test:cpu`.
process.env.INLINUX_CPU_CASES ??= '10000'
await import('../engine/soft/x87.test.ts')

export {}
