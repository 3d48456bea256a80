// Reads an HTTP/1.x response as its bytes arrive, hostile ones included, and says at each moment how far it got.

/** Bytes of status line and headers (interim answers included) after which an answer is given up as not sane. */
export const headCapBytes = 256 * 1024;
/** Bytes of body that are read before we stop and say so. */
export const bodyCapBytes = 1024 * 1024;
const bodyKeptBytes = 4096;

/** A head as received. Names in lower case, in order of arrival, folded lines joined. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Size of status line, headers and the closing blank line. */
  readonly bytes: number;
}

/** `head`: not all headers are there; `body`: they are; `done`: complete; `capped`: longer than we read; `broken`: this is not HTTP. */
export type ReaderState = 'head' | 'body' | 'done' | 'capped' | 'broken';

/** One final response. Feed `push` with what arrives and call `end` when the connection was closed in order. */
export class ResponseReader {
  state: ReaderState = 'head';
  head: ResponseHead | null = null;
  /** Why the state is `broken`: a short code. */
  problem: string | null = null;
  bodyBytes = 0;
  /** Interim answers (1xx) that came before the final one. */
  interim = 0;
  readonly #method: string;
  #buffer: Buffer = Buffer.alloc(0);
  #headBytes = 0;
  #scanned = 0;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #framing: 'length' | 'chunked' | 'close' = 'close';
  #left = 0;
  #chunk: 'size' | 'data' | 'data-end' | 'trailer' = 'size';
  #trailerBytes = 0;

  constructor(method: string) {
    this.#method = method;
  }

  /** The first 4 KiB of the body; bytes that are not UTF-8 are replaced. */
  get body(): string {
    return Buffer.concat(this.#kept).toString('utf8');
  }

  push(bytes: Buffer): void {
    if (this.state !== 'head' && this.state !== 'body') return;
    if (this.state === 'head') {
      this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
      this.#readHead();
    } else this.#readBody(bytes);
  }

  /** The peer closed in order. Returns whether that was a proper end. */
  end(): boolean {
    if (this.state === 'body' && this.#framing === 'close') this.state = 'done';
    return this.state === 'done' || this.state === 'capped';
  }

  #break(problem: string): void {
    this.state = 'broken';
    this.problem = problem;
  }

  #readHead(): void {
    for (;;) {
      const start = this.#buffer.subarray(0, 5).toString('latin1');
      if (start !== 'HTTP/'.slice(0, start.length)) return this.#break('NOT_HTTP');
      const end = headEnd(this.#buffer, Math.max(0, this.#scanned - 3));
      if (end === -1) {
        this.#scanned = this.#buffer.length;
        if (this.#headBytes + this.#buffer.length > headCapBytes) this.#break('HEADER_CAP');
        return;
      }
      if (this.#headBytes + end > headCapBytes) return this.#break('HEADER_CAP');
      const head = parseHead(this.#buffer.subarray(0, end));
      if (head === null) return this.#break('BAD_STATUS_LINE');
      this.#buffer = this.#buffer.subarray(end);
      this.#scanned = 0;
      if (head.status >= 100 && head.status < 200 && head.status !== 101) {
        this.interim += 1;
        this.#headBytes += end;
        if (this.#buffer.length === 0) return;
        continue;
      }
      this.head = head;
      if (!this.#frame(head)) return;
      const rest = this.#buffer;
      this.#buffer = Buffer.alloc(0);
      if (this.state === 'body' && rest.length > 0) this.#readBody(rest);
      return;
    }
  }

  #frame(head: ResponseHead): boolean {
    const values = (name: string): string[] => head.headers.filter((each) => each[0] === name).map((each) => each[1]);
    this.state = 'body';
    const coding = values('transfer-encoding').join(',').toLowerCase();
    const lengths = [
      ...new Set(
        values('content-length')
          .flatMap((each) => each.split(','))
          .map((each) => each.trim()),
      ),
    ];
    if (lengths.some((each) => !/^\d{1,15}$/.test(each)) || lengths.length > 1) {
      this.#break('BAD_CONTENT_LENGTH');
      return false;
    }
    if (this.#method === 'HEAD' || head.status === 204 || head.status === 304 || head.status === 101) this.state = 'done';
    else if (/(^|,)\s*chunked\s*$/.test(coding)) this.#framing = 'chunked';
    else if (lengths[0] !== undefined) {
      this.#framing = 'length';
      this.#left = Number(lengths[0]);
      if (this.#left === 0) this.state = 'done';
    }
    return true;
  }

  #take(bytes: Buffer): void {
    if (this.#keptBytes < bodyKeptBytes) {
      const piece = Buffer.from(bytes.subarray(0, bodyKeptBytes - this.#keptBytes));
      this.#kept.push(piece);
      this.#keptBytes += piece.length;
    }
    this.bodyBytes = Math.min(this.bodyBytes + bytes.length, bodyCapBytes);
    if (this.bodyBytes >= bodyCapBytes) this.state = 'capped';
  }

  #readBody(bytes: Buffer): void {
    if (this.#framing === 'close') return this.#take(bytes);
    if (this.#framing === 'length') {
      const piece = bytes.subarray(0, this.#left);
      this.#left -= piece.length;
      this.#take(piece);
      if (this.#left === 0) this.state = 'done';
      return;
    }
    this.#readChunks(bytes);
  }

  #readChunks(bytes: Buffer): void {
    let data = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    this.#buffer = Buffer.alloc(0);
    while (data.length > 0 && this.state === 'body') {
      if (this.#chunk === 'data') {
        const piece = data.subarray(0, this.#left);
        this.#left -= piece.length;
        data = data.subarray(piece.length);
        this.#take(piece);
        if (this.#left === 0) this.#chunk = 'data-end';
        continue;
      }
      const newline = data.indexOf(10);
      if (newline === -1) {
        if (data.length > 4096) return this.#break('BAD_CHUNK');
        this.#buffer = data;
        return;
      }
      const line = data.subarray(0, newline).toString('latin1').replace(/\r$/, '');
      data = data.subarray(newline + 1);
      if (this.#chunk === 'data-end') {
        if (line !== '') return this.#break('BAD_CHUNK');
        this.#chunk = 'size';
      } else if (this.#chunk === 'size') {
        const size = /^([0-9A-Fa-f]{1,12})\s*(;.*)?$/.exec(line)?.[1];
        if (size === undefined) return this.#break('BAD_CHUNK');
        this.#left = Number.parseInt(size, 16);
        this.#chunk = this.#left === 0 ? 'trailer' : 'data';
      } else if (line === '') this.state = 'done';
      else if ((this.#trailerBytes += line.length) > headCapBytes) return this.#break('HEADER_CAP');
    }
  }
}

/** Index just after the blank line that closes a head, or -1. Bare LF counts as a line end, as in every client. */
function headEnd(buffer: Buffer, from: number): number {
  for (let at = buffer.indexOf(10, from); at !== -1; at = buffer.indexOf(10, at + 1)) {
    if (buffer[at + 1] === 10) return at + 2;
    if (buffer[at + 1] === 13 && buffer[at + 2] === 10) return at + 3;
  }
  return -1;
}

/** Reads one complete head (with or without its closing blank line); null where the first line is not an HTTP status line. */
export function parseHead(bytes: Buffer): ResponseHead | null {
  const lines = bytes.toString('latin1').split(/\r?\n/);
  const status = /^HTTP\/\d(?:\.\d)? (\d{3})(?: (.*))?$/.exec(lines[0] ?? '');
  if (status === null) return null;
  const headers: (readonly [string, string])[] = [];
  for (const line of lines.slice(1)) {
    const last = headers.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) headers[headers.length - 1] = [last[0], `${last[1]} ${line.trim()}`];
    else {
      const colon = line.indexOf(':');
      if (colon > 0) headers.push([line.slice(0, colon).trim().toLowerCase(), text(line.slice(colon + 1).trim())]);
    }
  }
  return { status: Number(status[1]), reason: text(status[2] ?? ''), headers, bytes: bytes.length };
}

/** Header bytes are latin1 by the book and UTF-8 in life. */
function text(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
