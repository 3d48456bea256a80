// Pasted responses in every shape that people paste them.
import { expect, it } from 'vitest';
import { readResponse } from './read-response.ts';

const parsed = {
  status: 502,
  headers: [
    ['server', 'nginx'],
    ['content-type', 'text/html'],
  ],
  body: '<html>\nbad\n</html>\n',
};

it.for([
  ['curl -i with CRLF', 'HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\nContent-Type: text/html\r\n\r\n<html>\nbad\n</html>\n'],
  ['curl -i with LF', 'HTTP/1.1 502 Bad Gateway\nServer: nginx\nContent-Type: text/html\n\n<html>\nbad\n</html>\n'],
  ['HTTP/2, without a reason', 'HTTP/2 502 \r\nserver: nginx\r\ncontent-type: text/html\r\n\r\n<html>\nbad\n</html>\n'],
  ['blank lines before it', '\n\nHTTP/1.1 502 Bad Gateway\nServer: nginx\nContent-Type: text/html\n\n<html>\nbad\n</html>\n'],
  [
    'an interim answer before it',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\nContent-Type: text/html\r\n\r\n<html>\nbad\n</html>\n',
  ],
  [
    'curl -v',
    '*   Trying 10.0.0.1:80...\n* Connected to shop (10.0.0.1) port 80 (#0)\n> GET / HTTP/1.1\n> Host: shop\n> \n< HTTP/1.1 502 Bad Gateway\n< Server: nginx\n< Content-Type: text/html\n< \n{ [20 bytes data]\n<html>\nbad\n</html>\n* Connection #0 to host shop left intact\n',
  ],
] as const)('reads %s', ([, text]) => {
  expect(readResponse(text)).toEqual(parsed);
});

it('takes HTML alone for a body', () => {
  expect(readResponse('\uFEFF<html>x</html>')).toEqual({ status: null, headers: [], body: '<html>x</html>' });
});

it('reads a head without a body', () => {
  expect(readResponse('HTTP/1.1 503 Service Unavailable\nserver: envoy')).toEqual({
    status: 503,
    headers: [['server', 'envoy']],
    body: '',
  });
});
