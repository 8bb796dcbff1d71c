// Generated from scale-bytes.wat by `node packages/datasets/tools/assemble-scale-bytes.mjs`; do not edit.
/** The assembled WebAssembly module of `scale-bytes.wat`, base64. */
export const SCALE_BYTES_WASM =
  "AGFzbQEAAAABBgFgAn9/AAMCAQAFAwEAAQcSAgZtZW1vcnkCAAVzY2FsZQAACtMBAdABAgF/BXtDAACAO/0TIQZDgYCAN/0TIQcCQANAIAIgAE8NASAC/QAEACEDIAP9iQEhBCAE/akB/foBIQUgASAFIAb95gEgBSAH/eYB/eQB/QsEACAE/aoB/foBIQUgASAFIAb95gEgBSAH/eYB/eQB/QsEECAD/YoBIQQgBP2pAf36ASEFIAEgBSAG/eYBIAUgB/3mAf3kAf0LBCAgBP2qAf36ASEFIAEgBSAG/eYBIAUgB/3mAf3kAf0LBDAgAkEQaiECIAFBwABqIQEMAAsLCw==";
