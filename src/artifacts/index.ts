// Finds the guest: kernel, initramfs and default root, in whichever of three places this program runs from.
//
//    INLINUX_GUEST_DIR   a folder with artefacts.json, or just with vmlinux, initramfs.cpio and root.erofs
//    dist/guest/         the published package: files compressed with brotli, unpacked once into the user's cache
//    build/guest/        a checkout: artefacts.json there points into the cache that scripts/setup.mjs fills
//
// The variable wins; of the other two only one applies. What is unusable is an error, never silently passed over.
export { type GuestArtefacts, locateGuest } from './locate.ts'
