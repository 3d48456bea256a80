// As much of WebAssembly's binary format as one function needs: bytes of instructions, and the module around them. Opcodes are those of the
// WebAssembly core specification, section 5.4.

/** Instructions: bytes, in as many brackets as reads well. */
export type Code = readonly (number | Code)[];

const flat = (code: Code): number[] => code.flatMap((each) => (typeof each === 'number' ? [each] : flat(each)));

/** Types of values. */
export const type = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;

/** A whole number as signed LEB128. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    const isLast = (rest >> 7n === 0n && low < 64) || (rest >> 7n === -1n && low >= 64);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

/** A whole number from 0 up as LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}

const memory = (opcode: readonly number[], offset: number): number[] => [...opcode, 0, ...unsigned(offset)];
const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)];

/** Instructions as bytes. Loads take their address from the stack and add the offset. */
export const op = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  else: [0x05],
  end: [0x0b],
  return: [0x0f],
  branch: (depth: number) => [0x0c, ...unsigned(depth)],
  branchIf: (depth: number) => [0x0d, ...unsigned(depth)],
  call: (index: number) => [0x10, ...unsigned(index)],
  get: (local: number) => [0x20, ...unsigned(local)],
  set: (local: number) => [0x21, ...unsigned(local)],
  tee: (local: number) => [0x22, ...unsigned(local)],
  setGlobal: (index: number) => [0x24, ...unsigned(index)],
  i32: (value: number) => [0x41, ...signed(BigInt(value | 0))],
  i64: (value: bigint) => [0x42, ...signed(BigInt.asIntN(64, value))],
  load32: (offset: number) => memory([0x28], offset),
  load64: (offset: number) => memory([0x29], offset),
  load8: (offset: number) => memory([0x2d], offset),
  load16: (offset: number) => memory([0x2f], offset),
  isZero: [0x45],
  equal: [0x46],
  differs: [0x47],
  greater: [0x4b],
  isZero64: [0x50],
  differs64: [0x52],
  trailingZeros: [0x68],
  add: [0x6a],
  subtract: [0x6b],
  and: [0x71],
  xor: [0x73],
  shiftRight: [0x76],
  trailingZeros64: [0x7a],
  shiftRight64: [0x88],
  wrap: [0xa7],
  extend: [0xad],
  loadVector: (offset: number) => memory([0xfd, 0x00], offset),
  /** 16 times this byte. */
  bytes: (value: number) => [...vector(0x0c), ...Array.from({ length: 16 }, () => value)],
  bytesEqual: vector(0x23),
  bytesBelow: vector(0x25),
  bytesAtMost: vector(0x2a),
  bytesSubtract: vector(0x71),
  vectorOr: vector(0x50),
  bitmask: vector(0x64),
} as const satisfies Record<string, readonly number[] | ((value: never) => number[])>;

/** What a module takes from elsewhere: functions from numbers to a number, and 32-bit globals that change. */
export interface Imports {
  readonly functions: readonly { readonly name: string; readonly parameters: number }[];
  readonly globals: readonly string[];
}

const section = (id: number, entries: readonly (readonly number[])[]): number[] => {
  const body = [...unsigned(entries.length), ...entries.flat()];
  return [id, ...unsigned(body.length), ...body];
};
const text = (value: string): number[] => [...unsigned(value.length), ...Buffer.from(value, 'latin1')];

/** A module that exports one function `walk` of two numbers to a number. `locals` are those behind its parameters, by their types. */
export function moduleOf(imports: Imports, locals: readonly number[], code: Code): Uint8Array {
  const signature = (parameters: number): number[] => [
    0x60,
    parameters,
    ...Array.from({ length: parameters }, () => type.i32),
    1,
    type.i32,
  ];
  const body = [...unsigned(locals.length), ...locals.flatMap((each) => [1, each]), ...flat(code), ...op.end];
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, [signature(1), signature(2), signature(3)]),
    ...section(2, [
      [...text('env'), ...text('memory'), 0x02, 0x00, 0x00],
      ...imports.functions.map(({ name, parameters }) => [...text('env'), ...text(name), 0x00, parameters - 1]),
      ...imports.globals.map((name) => [...text('env'), ...text(name), 0x03, type.i32, 1]),
    ]),
    ...section(3, [[1]]),
    ...section(7, [[...text('walk'), 0x00, ...unsigned(imports.functions.length)]]),
    ...section(10, [[...unsigned(body.length), ...body]]),
  ]);
}
