// How much translated code there may be. Modules are counted because each is a few mappings of the process, of which Linux
// allows 65,530 (vm.max_map_count).

/**
 * Guest instructions in modules of a machine that are still needed for at least one of their regions. Beyond it everything
 * of that machine is dropped, and what is hot is translated anew: some 100 to 300 bytes of machine code each.
 */
export const INSTRUCTIONS_OF_MACHINE = 1_200_000
/** Likewise such modules of a machine: half of what the process may have, so that one machine cannot keep all of it. */
export const MODULES_OF_MACHINE = 4000
/** Modules of all machines together. Beyond it, what is new stays interpreted. */
export const MODULES_OF_PROCESS = 8000
