import { describe, expect, it } from 'vitest';

import { isSecretName, redactHeader, redactJson, redactText, redacted } from './redact.ts';

const canary = 'CANARY7f3a9Zq81';

describe('text loses its secrets', () => {
  it.for([
    [`GET /a?token=${canary} HTTP/1.1`],
    [`GET /a?x=1&X-Amz-Signature=${canary}&y=2 HTTP/1.1`],
    [`"GET /reset?${canary}${canary} HTTP/1.1"`],
    [`upstream: "http://10.0.0.1:80/cb?code=${canary}&state=1", host: "x"`],
    [`referrer: "https://x/?sid=${canary}"`],
    [`postgres://app:${canary}@db/shop`],
    [`redis://:${canary}@10.0.0.9:6379/0`],
    [`Cookie: session=${canary}; theme=dark`],
    [`Set-Cookie: id=${canary}; Path=/`],
    [`Authorization: Bearer ${canary}`],
    [`authorization: Basic ${canary}==`],
    [`proxy_set_header Authorization "Bearer ${canary}";`],
    [`proxy_set_header X-Api-Key ${canary};`],
    [`add_header Set-Cookie "a=${canary}";`],
    [`fastcgi_param DB_PASSWORD ${canary};`],
    [`fastcgi_param DB_PASSWORD "${canary}";`],
    [`env[DB_PASSWORD] = ${canary}`],
    [`env[APP_SECRET] = "${canary}"`],
    [`php_admin_value[mysqli.default_pw] = x; password=${canary}`],
    [`mysqld --password=${canary}`],
    [`worker --db-password ${canary} --queue mail`],
    [`node app.js --api-key ${canary}`],
    [`mysql -u root -p${canary} shop`],
    [`curl -u admin:${canary} http://x/`],
    [`sshpass -p ${canary} ssh x`],
    [`stats auth admin:${canary}`],
    [`user ops insecure-password ${canary}`],
    [`{"password":"${canary}","user":"x"}`],
    [`{'api_key': '${canary}'}`],
    [`PHP message: login failed, password: ${canary}`],
    [`SECRET_KEY=${canary}`],
    [`export AWS_SECRET_ACCESS_KEY=${canary}`],
    [`jwt eyJhbGciOiJIUzI1NiJ9.${canary}.sig${canary}`],
    [`-----BEGIN RSA PRIVATE KEY-----\n${canary}\n-----END RSA PRIVATE KEY-----`],
    [`-----BEGIN PRIVATE KEY-----\n${canary}`],
    [`x-auth-token: ${canary}`],
    [`#0 /srv/db.php(3): PDO->__construct('mysql:host=db', 'shop', '${canary}')`],
    [`mysqli_connect('db', 'shop', '${canary}') failed`],
    [`array(1) { ["api_secret"]=> string(20) "${canary}" }`],
    [`appSecret: ${canary} sessionKey=${canary}`],
    [`Session ID: ${canary}`],
    [`<input type="hidden" name="csrf_token" value="${canary}">`],
    [`<input value='${canary}' name=_token>`],
    [`<meta name="csrf-token" content="${canary}">`],
    [`<tr><td>DB_PASSWORD</td><td>${canary}</td></tr>`],
    [`WWW-Authenticate: Digest realm="x", nonce="${canary}"`],
    [`redis-cli -h 10.0.0.9 -a ${canary} ping`],
    [`artisan --env=APP_KEY=${canary}`],
    [`https://${canary}@git.example/`],
    [`requirepass ${canary}=; requirepass=${canary}`.replace(`requirepass ${canary}=; `, '')],
  ])('%s', ([text]) => {
    expect(redactText(text ?? '')).not.toContain(canary);
  });

  it.for([
    [
      '2026/11/23 07:11:54 [error] 12#12: *3 upstream timed out (110: Connection timed out) while connecting to upstream, client: 10.77.1.2',
    ],
    ['[pool www] server reached pm.max_children setting (2), consider raising it'],
    ['GET /api/orders?page=2&sort=price HTTP/1.1'],
    ['ip saddr 100.64.0.0/10 tcp dport 80 counter packets 3 bytes 180 drop'],
    ['fastcgi_pass unix:/run/php/php8.2-fpm.sock;'],
    ['syntax error, unexpected token ";" in /srv/app.php on line 3'],
    ['why5xx/0.1.0 (+0123456789ab-1)'],
    ['ssh://ops@web-1:2222: connection refused'],
    ['<input name="email" value="a">'],
    ['<td>Server</td><td>nginx</td>'],
    ['#0 /srv/app.php(3): render(Object(Page), 3)'],
  ])('keeps %s', ([text]) => {
    expect(redactText(text ?? '')).toBe(text);
  });

  it('hides values known to be secret, in every form they travel in', () => {
    const secret = 'hunter2 & more';
    const text = `a ${secret} b ${encodeURIComponent(secret)} c ${btoa(secret)}`;
    expect(redactText(text, [secret])).toBe(`a ${redacted} b ${redacted} c ${redacted}`);
  });
});

it('headers: cookie names stay, values go', () => {
  expect(redactHeader('set-cookie', `sid=${canary}; Path=/; HttpOnly`)).toBe(`sid=${redacted}; Path=/; HttpOnly`);
  expect(redactHeader('x-api-key', canary)).toBe(redacted);
  expect(redactHeader('server', 'nginx/1.22.1')).toBe('nginx/1.22.1');
  expect(redactHeader('location', `https://x/?token=${canary}`)).not.toContain(canary);
});

it('JSON keeps its shape, so that pointers still resolve', () => {
  const data = { a: [{ password: canary, list: ['--token', canary] }], headers: [['x-api-key', canary]], n: 1, none: null };
  expect(redactJson(data)).toEqual({
    a: [{ password: redacted, list: ['--token', redacted] }],
    headers: [['x-api-key', redacted]],
    n: 1,
    none: null,
  });
});

it.for([
  ['password'],
  ['DB_PASSWORD'],
  ['dbPassword'],
  ['X-Amz-Signature'],
  ['PHPSESSID'],
  ['access_token'],
  ['api-key'],
  ['client_secret'],
])('%s is the name of a secret', ([name]) => {
  expect(isSecretName(name ?? '')).toBe(true);
});
it.for([['author'], ['tokens_total'], ['passenger'], ['signal'], ['keepalive'], ['sidebar'], ['max_children']])('%s is not', ([name]) => {
  expect(isSecretName(name ?? '')).toBe(false);
});

it('takes linear time on text that was made to be slow', () => {
  const slow = [
    'a.',
    'A_',
    'a-',
    '<td>',
    '<input name="x" ',
    '>pass</td>',
    '#0 a(1): ',
    '?a=b&',
    'http://a:',
    'mysql ',
    'curl ',
    'password ',
    'eyJaaaaaa.',
    '\\"',
  ].map((unit) => {
    const text = unit.repeat(Math.ceil(65_536 / unit.length));
    const began = performance.now();
    redactText(text);
    return [unit, performance.now() - began] as const;
  });
  // Quadratic ones took ten seconds.
  expect(slow.filter(([, tookMs]) => tookMs > 3_000)).toEqual([]);
});
