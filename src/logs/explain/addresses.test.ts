// One server, as many logs write it; and the names that a site file has for it.
import { describe, expect, it } from 'vitest';

import { siteSchema } from '../../model/site.ts';
import { addressOf, hostNameOf, isLocal, siteNamesOf, triedAddresses, writerOf } from './addresses.ts';

const site = siteNamesOf(
  siteSchema.parse({
    why5xx: 1,
    name: 'shop',
    url: 'https://shop.example.com/',
    balancer: { name: 'slb', address: '198.51.100.10' },
    backends: [
      { name: 'web-1', address: '10.0.0.11:80' },
      { name: 'web-1-b', address: '10.0.0.13:8081' },
      { name: 'web-1-c', address: '10.0.0.13:8082' },
      { name: 'web-6', address: '[2001:db8::6]:80' },
    ],
  }),
);

describe('addresses', () => {
  it.for([
    ['http://10.0.0.1:80/a/b?c', '10.0.0.1:80'],
    ['10.0.0.1:80', '10.0.0.1:80'],
    ['fastcgi://unix:/run/php/www.sock:', 'unix:/run/php/www.sock'],
    ['http://unix:/run/x.sock:/path', 'unix:/run/x.sock'],
    ['unix:/run/php.sock', 'unix:/run/php.sock'],
    ['app/web-1', 'app/web-1'],
    ['https://[2001:DB8::6]:80/', '[2001:db8::6]:80'],
    ['-', null],
    ['', null],
    [null, null],
  ] as const)('%s is %s', ([text, address]) => {
    expect(addressOf(text)).toBe(address);
  });

  it('takes the tries of a group apart, each server once', () => {
    expect(triedAddresses('502@10.0.0.1:80 504@10.0.0.2:80 502@10.0.0.1:80')).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
    expect(triedAddresses('')).toEqual([]);
  });

  it('knows what is on the same machine', () => {
    expect(['unix:/a', '127.0.0.1:9000', 'localhost', '[::1]:80', '10.0.0.1:80'].map(isLocal)).toEqual([true, true, true, true, false]);
  });

  it('names hosts by the site file, and by address where two share one', () => {
    const addresses = ['10.0.0.11:80', '10.0.0.11:9000', '10.0.0.13:8082', '10.0.0.13:9', '[2001:db8::6]:80', 'pool/web-1', '10.9.9.9:80'];
    expect(addresses.map((each) => hostNameOf(each, site))).toEqual([
      'web-1',
      'web-1',
      'web-1-c',
      '10.0.0.13:9',
      'web-6',
      'web-1',
      '10.9.9.9:80',
    ]);
    expect(hostNameOf('10.0.0.11:80', null)).toBe('10.0.0.11:80');
  });

  it('finds the writer in the name of a file, as a word, the longest one', () => {
    const files = ['logs/web-1/error.log', 'web-1-b.error.log', 'xweb-1.log', 'web-10.log', 'slb-and-web-6.log', 'error.log'];
    expect(files.map((each) => writerOf(each, site))).toEqual(['web-1', 'web-1-b', null, null, null, null]);
    expect(writerOf('web-1.log', null)).toBeNull();
  });
});
