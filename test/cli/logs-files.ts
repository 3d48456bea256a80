// Log files of one incident, written as nginx writes them: combined access lines and the error lines of the same requests.

const minute = (i: number): string => String(10 + (Math.floor(i / 10) % 40)).padStart(2, '0');
const second = (i: number): string => String((i * 6) % 60).padStart(2, '0');
const client = (i: number): string => `203.0.113.${(i * 37) % 250}`;
const target = (i: number): string => `/api/orders?page=${i}`;

/** One line of nginx's combined format. */
export function combined({ i, status, path = target(i) }: { readonly i: number; readonly status: number; readonly path?: string }): string {
  return `${client(i)} - - [23/Nov/2026:02:${minute(i)}:${second(i)} +0000] "GET ${path} HTTP/1.1" ${status} 157 "-" "Mozilla/5.0"\n`;
}

/** Request number `i` with this status. */
export function access(i: number, status: number): string {
  return combined({ i, status });
}

/** What nginx says about request number `i` when nothing listens on the backend. */
export function errorLine(i: number): string {
  return (
    `2026/11/23 02:${minute(i)}:${second(i)} [error] 92#92: *${1000 + i} connect() failed (111: Connection refused) while connecting to upstream, ` +
    `client: ${client(i)}, server: shop.example.com, request: "GET ${target(i)} HTTP/1.1", upstream: "http://10.0.0.13:80${target(i)}", host: "shop.example.com"\n`
  );
}

/** 400 requests in 40 minutes; of every ten one fails because a backend is down. */
export function incident(): { readonly accessLog: string; readonly errorLog: string } {
  const numbers = Array.from({ length: 400 }, (_, i) => i);
  const failing = numbers.filter((i) => i % 10 === 3);
  return { accessLog: numbers.map((i) => access(i, i % 10 === 3 ? 502 : 200)).join(''), errorLog: failing.map(errorLine).join('') };
}
