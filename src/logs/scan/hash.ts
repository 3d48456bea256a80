// Hashes for joining and for even samples. A sample that keeps the keys with the smallest hash is the same whatever the order of reading.

/** 32 bits of a text (FNV-1a over its code units; of ASCII the same as over its bytes). Never 0, which stands for "not said". */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0 || 1;
}

/** Spreads the bits of a 32-bit number. */
export function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

const join = (high: number, low: number): number => (high >>> 11) * 0x1_0000_0000 + (low >>> 0);

/** A rank of 53 bits by which an even sample of keys is chosen. */
export function rankOfText(text: string): number {
  const first = hashText(text);
  return join(mix(first), mix(hashText(text, first ^ 0x9e3779b9)));
}

/** A rank of 53 bits for the line that begins at a byte of an input. */
export function rankOfPosition(inputHash: number, position: number): number {
  const low = position >>> 0;
  const high = Math.floor(position / 0x1_0000_0000);
  const first = mix(mix(inputHash ^ low) + high);
  return join(first, mix(first ^ Math.imul(low, 0x9e3779b1) ^ inputHash));
}

/** The client as both kinds of logs tell it; 0 for null. */
export function hashClient(client: string | null): number {
  if (client === null) return 0;
  return hashText(client.startsWith('::ffff:') ? client.slice(7) : client);
}

/** Method and path without query; 0 where either is missing. */
export function hashRequest(method: string | null, path: string | null): number {
  if (method === null || path === null) return 0;
  const query = path.indexOf('?');
  const end = query < 0 ? path.length : query;
  let hash = Math.imul(hashText(method) ^ 0x20, 0x01000193);
  for (let i = 0; i < end; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  return hash >>> 0 || 1;
}

/** The same of a request line as error logs quote it: `GET /x HTTP/1.1`, `GET /x`. 0 where it has no path. */
export function hashRequestLine(request: string | null): number {
  if (request === null) return 0;
  const first = request.indexOf(' ');
  if (first <= 0) return 0;
  const second = request.indexOf(' ', first + 1);
  return hashRequest(request.slice(0, first), request.slice(first + 1, second < 0 ? undefined : second));
}

/** A request's id; 0 for null. */
export function hashId(id: string | null): number {
  return id === null || id === '' || id === '-' ? 0 : hashText(id);
}
