/** Which of a cluster's 16,384 slots a key or a sharded channel lies in. */

export const slotCount = 16_384;

export function slotOf(key: string): number {
  return crc16(Buffer.from(taggedPart(key), "utf8")) % slotCount;
}

/** What stands between the first brace and the next closing one decides, if anything stands there. */
function taggedPart(key: string): string {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

/** CRC-16/XMODEM, as the cluster's specification has it. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}
