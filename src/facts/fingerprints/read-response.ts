// Reads a response as people paste it: HTML alone, `curl -i`, `curl -v`, with CRLF or LF.
import type { Response } from './identify.ts';

/** A response with what was pasted; HTML alone gives no status and no headers. Of several answers in a row (interim, redirects) the last one counts. Never throws. */
export function readResponse(text: string): Response {
  const verbose = fromVerbose(text);
  let rest = verbose ?? text.replace(/^\uFEFF/, '');
  let response: Response = { status: null, headers: [], body: rest };
  for (;;) {
    const status = /^\s*HTTP\/\d(?:\.\d)? (\d{3})[^\r\n]*(?:\r?\n|$)/.exec(rest);
    if (status === null) return response;
    const end = /\r?\n\r?\n/.exec(rest);
    const head = end === null ? rest : rest.slice(0, end.index);
    rest = end === null ? '' : rest.slice(end.index + end[0].length);
    response = { status: Number(status[1]), headers: headersOf(head), body: rest };
  }
}

function headersOf(head: string): (readonly [string, string])[] {
  const headers: (readonly [string, string])[] = [];
  for (const line of head.trimStart().split(/\r?\n/).slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]);
  }
  return headers;
}

/** What `curl -v` shows, as `curl -i` would: `< ` lines are the head, lines about the connection go. Null where it is not that. */
function fromVerbose(text: string): string | null {
  const lines = text.split(/\r?\n/);
  const first = lines.findIndex((line) => /^< HTTP\/\d/.test(line));
  if (first === -1) return null;
  const head: string[] = [];
  const body: string[] = [];
  for (const line of lines.slice(first)) {
    if (/^< HTTP\/\d/.test(line)) {
      head.length = 0;
      body.length = 0;
    }
    if (/^<(?: |$)/.test(line) && body.length === 0) head.push(line.slice(2));
    else if (
      !/^(?:\* |> |>$|\{ \[\d+ bytes data\]|\} \[\d+ bytes data\]|\s*%\s+Total|\s*Dload\s+Upload|\s*\d+\s+\d+\s+\d+\s+\d+)/.test(line)
    )
      body.push(line.replace(/\* Connection #\d+ to host .*$|\* Closing connection.*$/, ''));
  }
  return `${head.join('\r\n').trimEnd()}\r\n\r\n${body.join('\n')}`;
}
