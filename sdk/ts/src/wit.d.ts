/** The interface as QuickJS sees it: `list<u8>` is a Uint8Array, a u64 a number. */
declare module "watchfire:detector/chain@0.1.0" {
  const chain: {
    call(to: Uint8Array, data: Uint8Array): Uint8Array;
    storageAt(address: Uint8Array, slot: Uint8Array): Uint8Array;
    balance(address: Uint8Array): Uint8Array;
    code(address: Uint8Array): Uint8Array;
  };
  export default chain;
}

declare module "watchfire:detector/state@0.1.0" {
  const state: {
    get(key: Uint8Array): Uint8Array | null;
    put(key: Uint8Array, value: Uint8Array): void;
    delete(key: Uint8Array): void;
    scan(prefix: Uint8Array, after: Uint8Array | null, limit: number): [Uint8Array, Uint8Array][];
  };
  export default state;
}

declare module "watchfire:detector/log@0.1.0" {
  const log: { write(level: "debug" | "info" | "warn" | "error", message: string): void };
  export default log;
}
