/** What libraries expect to be there and QuickJS lacks: UTF-8 both ways. */
export class Encoder {
  readonly encoding = "utf-8";

  encode(text = ""): Uint8Array {
    const bytes: number[] = [];
    for (const char of text) {
      const code = char.codePointAt(0)!;
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
    return Uint8Array.from(bytes);
  }
}

export class Decoder {
  readonly encoding = "utf-8";

  decode(input: Uint8Array | ArrayBuffer = new Uint8Array()): string {
    const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const first = bytes[at++];
      const more = first < 0x80 ? 0 : first >> 5 === 6 ? 1 : first >> 4 === 14 ? 2 : first >> 3 === 30 ? 3 : -1;
      let code = more === 0 ? first : first & (0x3f >> more);
      let left = more;
      for (; left > 0 && (bytes[at] & 0xc0) === 0x80; left--) code = (code << 6) | (bytes[at++] & 63);
      text += more < 0 || left > 0 || code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
    }
    return text;
  }
}

const globals = globalThis as Record<string, unknown>;
globals.TextEncoder ??= Encoder;
globals.TextDecoder ??= Decoder;
