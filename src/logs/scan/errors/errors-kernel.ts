// Loads the kernel of error lines: one for each thread, which belongs to one reader at a time.
import { errorsModule } from './errors.generated.ts';
import { varyingTable } from './varying.ts';

// The compiler's libraries know WebAssembly only together with a browser's whole world.
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

// Addresses in the kernel's memory, as in errors.as.
const resultTable = 0x1000;
const wordTable = 0x1200;
const wordBytes = 32;
const varyings = 0x1800;
const slots = 0x2000;
const textAt = 0x8a000;
const slack = 64;

/** How much text it can hold at once. */
export const textBytes = 384 << 10;

/** Words that nginx writes around what it says, in the order in which the kernel numbers them. */
const words = [
  ', client: ',
  ', server: ',
  ', request: "',
  ', subrequest: "',
  ', upstream: "',
  ', host: "',
  ', referrer: "',
  ', request_id: "',
  'FastCGI sent in stderr',
  '" while ',
  '::ffff:',
  ...['error', 'warn', 'crit', 'notice', 'info', 'alert', 'emerg', 'debug'].map((level) => `${level}] `),
];

/** What errors.as exports. */
interface Exports {
  /**
   * Reads the line that begins at an address, of text that ends at another. 0: it is unusual; 1: its group is known; 2: its minute is new, and
   * nothing was read; 3: its minute does not count; 4: its group is new.
   */
  next(at: number, end: number): number;
  learn(number: number): number;
  setMinute(at: number, isInside: number): void;
  clearMinute(): void;
  begin(): void;
  reset(): void;
}

export interface ErrorsKernel extends Exports {
  /** The reader whose groups it holds. */
  owner: number;
  /**
   * Of the line that was read last: addresses of its line end and of the end of its text, its second, nothing, hashes of client, request and
   * request id, the number of its group, and which varying message it is, from 1.
   */
  readonly results: Uint32Array;
  readonly text: Uint8Array;
  readonly textAt: number;
}

let kernel: ErrorsKernel | null = null;

/** The kernel of this thread. */
export function errorsKernel(): ErrorsKernel {
  return (kernel ??= load());
}

function load(): ErrorsKernel {
  const pages = Math.ceil((textAt + textBytes + slack) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new WebAssembly.Module(Buffer.from(errorsModule, 'base64'));
  const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Exports;
  const all = Buffer.from(memory.buffer);
  words.forEach((word, i) => {
    all.writeUInt32LE(word.length, wordTable + wordBytes * i);
    all.write(word, wordTable + wordBytes * i + 4, 'latin1');
  });
  const table = varyingTable();
  if (wordTable + wordBytes * words.length > varyings || varyings + table.length > slots) throw new RangeError('tables overlap');
  all.set(table, varyings);
  return {
    ...exports,
    owner: 0,
    results: new Uint32Array(memory.buffer, resultTable, 16),
    text: new Uint8Array(memory.buffer, textAt, textBytes),
    textAt,
  };
}
