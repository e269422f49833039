import { decode } from "@msgpack/msgpack";
import parser from "socket.io-msgpack-parser";

/** In MessagePack what begins a value of a foreign type whose length has 32 bits. */
const EXT_32 = 0xc9;

/**
 * socket.io's MessagePack parser, but for frames that declare more than they hold. For a foreign value its decoder makes
 * room as declared, up to 4 GiB, and fills that byte by byte: one frame of ten bytes held up everybody for ten seconds.
 * What may hold such a value is first read by a decoder that refuses what is cut short.
 */
class Decoder extends parser.Decoder {
  /** @throws Error for what is no packet; socket.io closes the connection then. */
  override add(packet: unknown): void {
    if (packet instanceof Uint8Array && packet.includes(EXT_32)) decode(packet);
    super.add(packet);
  }
}

export const guardedParser: typeof parser = { ...parser, Decoder };
