export function x87Transcendental(modrm: u32): void {}
