// A plan as code: what kernel.as interprets step by step, written out for one plan. The code only knows usual lines; whatever else it meets
// it leaves to the interpreter, so it may be unsure but not wrong.
import { moduleOf, op, type as value, type Code, type Imports } from './assembler.ts';
import { flag, step, type Plan, type Step } from './plan.ts';

/** What the code returns beside 0, a line that is as planned: its status is one of a failure, or it is not a usual line. */
export const failing = 5;
export const unsure = 7;

const imports: Imports = {
  functions: [
    { name: 'commonTime', parameters: 1 },
    { name: 'preciseTime', parameters: 1 },
    { name: 'isoTime', parameters: 1 },
    { name: 'epochTime', parameters: 1 },
    { name: 'syslogTimeOfDay', parameters: 1 },
    { name: 'jsonNumber', parameters: 1 },
    { name: 'clientEnd', parameters: 1 },
    { name: 'numberList', parameters: 2 },
    { name: 'plainNumbers', parameters: 2 },
    { name: 'hasBlank', parameters: 2 },
    { name: 'pairStart', parameters: 3 },
  ],
  globals: ['backendStart', 'backendEnd'],
};
const functionAt = (name: string): number => imports.functions.findIndex((each) => each.name === name);
const backendStart = 0;
const backendEnd = 1;

// Parameters, then locals.
const [end, at, stop, before, bits, vector, wordStart] = [1, 2, 3, 4, 5, 6, 7] as const;
const locals = [value.i32, value.i32, value.i32, value.i64, value.v128, value.i32];
const quote = 34;
const comma = 44;
const dash = 45;
const dot = 46;

const timeFunctions: Readonly<Record<number, string>> = {
  [step.commonTime]: 'commonTime',
  [step.slashTime]: 'preciseTime',
  [step.isoTime]: 'isoTime',
  [step.epochTime]: 'epochTime',
  [step.syslogTime]: 'syslogTimeOfDay',
  [step.jsonNumber]: 'jsonNumber',
  [step.address]: 'clientEnd',
};

/** Leaves the function where the number on the stack is not 0. All code lies in one block. */
const unsureIf = (condition: Code, depth = 0): Code => [condition, op.branchIf(depth)];

/** Compares the text at a place with a literal. */
function literal(local: number, text: string): Code {
  const bytes = Buffer.from(text, 'latin1');
  const code: Code[] = [];
  let i = 0;
  for (; bytes.length - i >= 8; i += 8) code.push(unsureIf([op.get(local), op.load64(i), op.i64(bytes.readBigInt64LE(i)), op.differs64]));
  if (bytes.length - i >= 4) {
    code.push(unsureIf([op.get(local), op.load32(i), op.i32(bytes.readInt32LE(i)), op.differs]));
    i += 4;
  }
  if (bytes.length - i >= 2) {
    code.push(unsureIf([op.get(local), op.load16(i), op.i32(bytes.readUInt16LE(i)), op.differs]));
    i += 2;
  }
  if (bytes.length - i === 1) code.push(unsureIf([op.get(local), op.load8(i), op.i32(bytes[i] ?? 0), op.differs]));
  return code;
}

const byteIs = (local: number, offset: number, byte: number): Code => [op.get(local), op.load8(offset), op.i32(byte), op.equal];

/** Puts into `stop` the first byte from `at` on of which `test` has a bit: it takes the vector and leaves 16 bits. */
const searched = (test: Code): Code => [
  op.get(at),
  op.set(stop),
  op.loop,
  op.get(stop),
  op.loadVector(0),
  test,
  op.tee(before),
  op.isZero,
  op.if,
  op.get(stop),
  op.i32(16),
  op.add,
  op.set(stop),
  op.branch(1),
  op.end,
  op.end,
  op.get(stop),
  op.get(before),
  op.trailingZeros,
  op.add,
  op.set(stop),
];

/** Bits of a vector's bytes that are no part of a word: blanks, control characters, and what is no ASCII. */
const notWord = [op.bytes(33), op.bytesBelow, op.bitmask];

/** Puts into `stop` the next place that is marked. */
const marked = (marks: number): Code => [
  op.get(at),
  op.set(stop),
  op.get(at),
  op.i32(3),
  op.shiftRight,
  op.load64(marks),
  op.get(at),
  op.i32(7),
  op.and,
  op.extend,
  op.shiftRight64,
  op.tee(bits),
  op.isZero64,
  op.if,
  op.loop,
  op.get(stop),
  op.i32(-8),
  op.and,
  op.i32(64),
  op.add,
  op.tee(stop),
  op.i32(3),
  op.shiftRight,
  op.load64(marks),
  op.tee(bits),
  op.isZero64,
  op.branchIf(0),
  op.end,
  op.end,
  op.get(stop),
  op.get(bits),
  op.trailingZeros64,
  op.wrap,
  op.add,
  op.set(stop),
];

const isNoDigit = (local: number, offset: number): Code => [
  op.get(local),
  op.load8(offset),
  op.i32(48),
  op.subtract,
  op.i32(9),
  op.greater,
];

/** Bits of the vector's bytes that are no digits; `also` adds what else is allowed. */
const notDigits = (also: Code): Code => [
  op.set(vector),
  op.get(vector),
  op.bytes(48),
  op.bytesSubtract,
  op.bytes(9),
  op.bytesAtMost,
  also,
  op.bitmask,
  op.i32(0xffff),
  op.xor,
];

/** Puts the end of a step's value into `stop`; null for a step that only the interpreter knows. */
function valueOf({ kind, stop: text, count }: Step, marks: number): Code | null {
  const ending = text === '' ? 0x20 : (Buffer.from(text, 'latin1')[0] ?? 0);
  const called = timeFunctions[kind];
  if (called !== undefined)
    return [
      [op.get(at), op.call(functionAt(called)), op.tee(stop), op.isZero, op.branchIf(0)],
      // Times are not looked at byte by byte, so a line may end within one. Behind the line nothing is marked.
      unsureIf([op.get(stop), op.get(end), op.greater]),
    ];
  switch (kind) {
    case step.literal:
      return [op.get(at), op.set(stop)];
    case step.free:
      return text === '' ? [op.get(end), op.set(stop)] : null;
    case step.quoted:
    case step.jsonString:
      return ending === quote ? marked(marks) : null;
    case step.status:
      return [
        byteIs(at, 0, 53),
        op.if,
        unsureIf(isNoDigit(at, 1), 1),
        unsureIf(isNoDigit(at, 2), 1),
        op.i32(failing),
        op.return,
        op.end,
        unsureIf([op.get(at), op.load8(0), op.i32(49), op.subtract, op.i32(3), op.greater]),
        unsureIf(isNoDigit(at, 1)),
        unsureIf(isNoDigit(at, 2)),
        op.get(at),
        op.i32(3),
        op.add,
        op.set(stop),
      ];
    case step.number:
      return [
        byteIs(at, 0, dash),
        op.if,
        op.get(at),
        op.i32(1),
        op.add,
        op.set(stop),
        op.else,
        searched(notDigits([op.get(vector), op.bytes(dot), op.bytesEqual, op.vectorOr])),
        op.end,
      ];
    case step.digits:
      return [
        searched(notDigits([])),
        unsureIf([op.get(stop), op.get(at), op.subtract, op.i32(9), op.greater]),
        unsureIf([op.get(stop), op.get(at), op.equal]),
      ];
    case step.list:
      return searched([
        op.tee(vector),
        op.bytes(33),
        op.bytesBelow,
        [comma, quote, ending].map((byte) => [op.get(vector), op.bytes(byte), op.bytesEqual, op.vectorOr]),
        op.bitmask,
      ]);
    case step.word:
      return [
        // A lone dash is most common; the literal begins with a blank.
        [op.get(at), op.load16(0), op.i32(0x202d), op.equal],
        op.if,
        op.get(at),
        op.i32(1),
        op.add,
        op.set(stop),
        op.else,
        searched(notWord),
        op.end,
        unsureIf([op.get(stop), op.get(at), op.equal]),
      ];
    case step.jsonWord:
      return jsonWord;
    case step.signedNumbers:
    case step.numbers:
      return [
        op.get(at),
        op.i32(count),
        op.call(functionAt(kind === step.numbers ? 'plainNumbers' : 'numberList')),
        op.tee(stop),
        op.isZero,
        op.branchIf(0),
      ];
    case step.state:
      return [unsureIf([op.get(at), op.load32(0), op.i32(0x2d2d2d2d), op.differs]), op.get(at), op.i32(4), op.add, op.set(stop)];
    default:
      return null;
  }
}

/** `true`, `null` or `false`. */
const jsonWord: Code = [
  op.get(at),
  op.i32(4),
  op.add,
  op.set(stop),
  op.block,
  [0x65757274, 0x6c6c756e].map((word) => [op.get(at), op.load32(0), op.i32(word), op.equal, op.branchIf(0)]),
  unsureIf([op.get(at), op.load32(0), op.i32(0x736c6166), op.differs], 1),
  unsureIf([byteIs(at, 4, 101), op.isZero], 1),
  op.get(at),
  op.i32(5),
  op.add,
  op.set(stop),
  op.end,
];

/** What the flags of a step ask of its value, in [at, stop). */
function conditions({ kind, stop: text, flags }: Step): Code {
  const code: Code[] = [];
  if ((flags & flag.notList) !== 0) {
    // What could be a further try is for the interpreter, unless the literal behind the value tells that it is none.
    if (text.length < 2 && text !== '' && text !== '"')
      code.push(unsureIf(byteIs(stop, 1, 58)), text === ',' ? unsureIf(byteIs(stop, 1, 32)) : []);
  }
  if ((flags & flag.backend) !== 0 && (flags & flag.pair) === 0)
    code.push(op.get(at), op.setGlobal(backendStart), op.get(stop), op.setGlobal(backendEnd));
  if ((flags & flag.noBlank) !== 0 && kind !== step.list) code.push(unsureIf([op.get(at), op.get(stop), op.call(functionAt('hasBlank'))]));
  if ((flags & flag.notEmpty) !== 0) code.push(unsureIf([op.get(stop), op.get(at), op.equal]));
  if ((flags & flag.notDash) !== 0)
    code.push(unsureIf([[op.get(stop), op.get(at), op.subtract, op.i32(1), op.equal], byteIs(at, 0, dash), op.and]));
  return code;
}

/** The module of a plan, which exports `walk`; null for plans with steps that only the interpreter knows. */
export function compilePlan(plan: Plan, marks: number): Uint8Array | null {
  const code: Code[] = [op.block, op.get(0), op.set(at)];
  let hasWord = false;
  for (const each of plan.steps) {
    // A list that ends where a further try could begin is told by the interpreter alone.
    if ((each.flags & flag.notList) !== 0 && /^(?:, | :)/.test(each.stop)) return null;
    const own = valueOf(each, marks);
    if (own === null) return null;
    code.push(own, conditions(each));
    if ((each.flags & flag.beforePair) !== 0) {
      hasWord = true;
      code.push(op.get(at), op.set(wordStart));
    }
    if ((each.flags & flag.pair) !== 0) {
      if (!hasWord) return null;
      code.push(
        [op.get(at), op.get(stop), op.get(wordStart), op.call(functionAt('pairStart'))],
        [op.tee(before), op.isZero, op.branchIf(0)],
        [op.get(before), op.setGlobal(backendStart), op.get(stop), op.setGlobal(backendEnd)],
      );
    }
    code.push(literal(stop, each.stop), op.get(stop), op.i32(each.stop.length), op.add, op.set(at));
  }
  code.push(unsureIf([op.get(at), op.get(end), op.differs]), op.i32(0), op.return, op.end, op.i32(unsure));
  return moduleOf(imports, locals, code);
}
