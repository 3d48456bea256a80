// The requests of the throughput bench: seeded, so that every machine measures the same bytes. Paths and clients follow a Zipf law, failures
// come in incidents over a low background, and lines are only nearly in time order, as buffered logs are.

/** A request before it is written down in any format. One object is filled again and again. */
export interface Request {
  /** Seconds since 1970. */
  at: number;
  client: string;
  method: string;
  /** Without query. */
  path: string;
  query: string;
  status: number;
  bytes: number;
  referer: string;
  agent: string;
  /** Seconds. */
  took: number;
  /** Index into `servers` of every try; empty where the proxy answered itself. */
  readonly tries: number[];
  readonly triesStatus: number[];
  readonly triesTook: number[];
  /** Why it failed, for the error log; null where the application itself said so, or all was well. */
  trouble: 'refused' | 'timeout' | 'reset' | 'closed' | null;
}

export const servers = ['10.0.0.11:80', '10.0.0.12:80', '10.0.0.13:80', '10.0.0.14:80'] as const;

/** Midnight of the day that all data is about. */
export const dayStart = Date.UTC(2026, 10, 22) / 1000;
const daySeconds = 86_400;

/** Numbers from 0 to 1 that depend on nothing but the seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Picks an index by weight, in constant time (Walker's alias method). */
function pickerOf(weights: readonly number[], random: () => number): () => number {
  const total = weights.reduce((sum, each) => sum + each, 0);
  const scaled = weights.map((each) => (each * weights.length) / total);
  const alias = new Uint32Array(weights.length);
  const small: number[] = [];
  const large: number[] = [];
  for (const [index, each] of scaled.entries()) (each < 1 ? small : large).push(index);
  while (small.length > 0 && large.length > 0) {
    const low = small.pop() ?? 0;
    const high = large.at(-1) ?? 0;
    alias[low] = high;
    scaled[high] = (scaled[high] ?? 0) + (scaled[low] ?? 0) - 1;
    if ((scaled[high] ?? 0) < 1) small.push(large.pop() ?? 0);
  }
  for (const index of [...small, ...large]) scaled[index] = 1;
  return () => {
    const index = Math.floor(random() * weights.length);
    return random() < (scaled[index] ?? 1) ? index : (alias[index] ?? 0);
  };
}

const zipf = (count: number, exponent: number): number[] => Array.from({ length: count }, (_, index) => 1 / (index + 1) ** exponent);

const words = [
  'api',
  'v1',
  'v2',
  'orders',
  'items',
  'users',
  'cart',
  'search',
  'login',
  'checkout',
  'static',
  'img',
  'js',
  'css',
  'help',
  'blog',
];
const endings = ['', '', '', '.html', '.php', '.json', '.js', '.css', '.png', '/'];
const agents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
  'curl/8.14.1',
  'kube-probe/1.34',
  'okhttp/5.1.0',
];
const methods = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE'];
const quiet = [200, 304, 301, 302, 404, 403, 401, 206, 499];

/**
 * Fills requests for ever. `expected` is about how many will be asked for: they are spread over one day. `failing` is the share of 5xx.
 */
export function trafficOf(seed: number, expected: number, failing: number): () => Request {
  const random = randomOf(seed);
  const paths = Array.from({ length: 8000 }, (_, index) => {
    const depth = 1 + Math.floor(random() * 4);
    const parts = Array.from({ length: depth }, () => words[Math.floor(random() * words.length)] ?? 'x');
    return `/${parts.join('/')}/${index.toString(36)}${endings[Math.floor(random() * endings.length)] ?? ''}`;
  });
  const clients = Array.from({ length: 20_000 }, () => {
    const part = (from: number, to: number): number => from + Math.floor(random() * (to - from));
    return `${part(1, 224)}.${part(0, 256)}.${part(0, 256)}.${part(1, 255)}`;
  });
  const nextPath = pickerOf(zipf(paths.length, 1.05), random);
  const nextClient = pickerOf(zipf(clients.length, 0.8), random);
  const nextAgent = pickerOf([40, 15, 12, 25, 2, 3, 3], random);
  const nextMethod = pickerOf([85, 11, 2, 1, 1], random);
  const nextStatus = pickerOf([900, 45, 8, 8, 28, 3, 4, 2, 2], random);
  // Three incidents stand out of the background; the factor brings the mean back to what was asked for.
  const shapes = Array.from({ length: 1440 }, (_, minute) =>
    (minute >= 130 && minute < 145) || (minute >= 610 && minute < 640) || (minute >= 1201 && minute < 1204) ? 10 : 1,
  );
  const mean = shapes.reduce((sum, each) => sum + each, 0) / shapes.length;
  const likely = shapes.map((each) => Math.min(0.95, (failing * each) / mean));
  const step = daySeconds / expected;
  let now = 0;
  const request: Request = {
    at: 0,
    client: '',
    method: '',
    path: '',
    query: '',
    status: 0,
    bytes: 0,
    referer: '',
    agent: '',
    took: 0,
    tries: [],
    triesStatus: [],
    triesTook: [],
    trouble: null,
  };

  const attempt = (server: number, status: number, took: number): void => {
    request.tries.push(server);
    request.triesStatus.push(status);
    request.triesTook.push(took);
    request.took += took;
  };

  function fail(server: number): void {
    const kind = random();
    const other = (server + 1) % servers.length;
    request.bytes = 157;
    if (kind < 0.3) {
      request.status = 502;
      request.trouble = 'refused';
      attempt(server, 502, 0.001);
      if (kind < 0.12) attempt(other, 502, 0);
    } else if (kind < 0.5) {
      request.status = 502;
      request.trouble = kind < 0.4 ? 'reset' : 'closed';
      attempt(server, 502, 0.02 + random());
    } else if (kind < 0.7) {
      request.status = 504;
      request.trouble = 'timeout';
      attempt(server, 504, 60 + random() / 100);
    } else if (kind < 0.9) {
      request.status = 500;
      request.bytes = 1200;
      attempt(server, 500, random() / 2);
    } else {
      request.status = 503;
      if (kind < 0.95) attempt(server, 503, random() / 20);
    }
  }

  return () => {
    now = Math.min(now + step * 2 * random(), daySeconds - 1);
    // A worker's buffer, or a slow request, brings lines up to 5 s late.
    request.at = dayStart + Math.floor(Math.max(0, random() < 0.15 ? now - random() * 5 : now));
    const path = nextPath();
    request.client = clients[nextClient()] ?? '';
    request.method = methods[nextMethod()] ?? 'GET';
    request.path = paths[path] ?? '/';
    request.query = path % 3 === 0 ? `?id=${Math.floor(random() * 1e6)}` : '';
    request.referer = path % 5 < 2 ? '-' : `https://shop.example.com${paths[(path * 7) % 500] ?? '/'}`;
    request.agent = agents[nextAgent()] ?? '';
    request.took = 0;
    request.tries.length = 0;
    request.triesStatus.length = 0;
    request.triesTook.length = 0;
    request.trouble = null;
    const server = Math.floor(random() * servers.length);
    if (random() < (likely[Math.floor(now / 60)] ?? failing)) fail(server);
    else {
      request.status = quiet[nextStatus()] ?? 200;
      request.bytes = Math.floor(random() * random() * 60_000);
      const self = path % 6 === 0 || request.status === 301;
      if (!self) {
        // Now and then the first server fails and the second one saves the request.
        if (random() < 0.002) attempt((server + 1) % servers.length, 502, 0.001);
        attempt(server, request.status, 0.002 + random() * random() * 0.4);
      }
    }
    return request;
  };
}
