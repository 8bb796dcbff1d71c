/** Remainders of every byte by a reflected polynomial. */
const tableOf = (polynomial: number): Uint32Array =>
  Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });

/** A cyclic redundancy check of bytes as an unsigned 32-bit number. */
function checksum(table: Uint32Array): (bytes: Uint8Array) => number {
  return (bytes) => {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] as number);
    return ~crc >>> 0;
  };
}

/** CRC-32 of ISO 3309, what PNG's chunks end with. PNG, annex D. https://www.w3.org/TR/png-3/#D-CRCAppendix */
export const crc32 = checksum(tableOf(0xedb88320));

/** CRC-32C (Castagnoli): RFC 3720, appendix B.4. */
export const crc32c = checksum(tableOf(0x82f63b78));

/** The rotated checksum that TFRecord files store, so that checksums of checksums stay meaningful. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
