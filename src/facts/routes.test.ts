// Look-ups and the reverse path check as literal tables; probes/routes compares them with a real kernel.
import { describe, expect, it } from 'vitest';
import type { Routes } from '../model/observations.ts';
import { addressType, interfaceOf, ownAddresses, reversePath, routeFor, rpFilterEffective } from './routes.ts';

const none = { from: null, to: null, iif: null, oif: null, fwmark: null };
const plain = { type: 'unicast', via: null, source: null, metric: 0, table: 'main' };

const routes: Routes = {
  interfaces: [
    {
      name: 'lo',
      up: true,
      mtu: 65536,
      addresses: [
        { address: '127.0.0.1', prefix: 8 },
        { address: '::1', prefix: 128 },
      ],
    },
    {
      name: 'eth0',
      up: true,
      mtu: 1500,
      addresses: [
        { address: '10.0.0.11', prefix: 24 },
        { address: 'fd00::11', prefix: 64 },
      ],
    },
    { name: 'eth1', up: true, mtu: 1500, addresses: [{ address: '172.16.0.11', prefix: 16 }] },
  ],
  rules: [],
  routes: [
    { ...plain, to: 'default', dev: 'eth0', via: '10.0.0.1' },
    { ...plain, to: '::/0', dev: 'eth0', via: 'fd00::1' },
    { ...plain, to: '10.0.0.0/24', dev: 'eth0' },
    { ...plain, to: '172.16.0.0/16', dev: 'eth1' },
    { ...plain, to: '100.64.0.0/10', dev: 'eth1', via: '172.16.0.1', metric: 100 },
    { ...plain, to: '100.64.0.0/10', dev: 'eth0', via: '10.0.0.1', metric: 200 },
    { ...plain, to: '203.0.113.0/24', type: 'blackhole', dev: null },
    { ...plain, to: '10.0.0.11', type: 'local', dev: 'eth0', table: 'local' },
    { ...plain, to: '10.0.0.255', type: 'broadcast', dev: 'eth0', table: 'local' },
    { ...plain, to: 'fd00::11', type: 'local', dev: 'eth0', table: 'local' },
    { ...plain, to: 'default', dev: 'eth1', via: '172.16.0.1', table: '100' },
  ],
};

describe('routeFor', () => {
  it.for([
    ['10.0.0.5', 'unicast', 'eth0', null],
    ['8.8.8.8', 'unicast', 'eth0', '10.0.0.1'],
    ['100.64.1.5', 'unicast', 'eth1', '172.16.0.1'],
    ['203.0.113.9', 'unreachable', null, null],
    ['10.0.0.11', 'local', 'eth0', null],
    ['fd00::11', 'local', 'eth0', null],
    ['2001:db8::1', 'unicast', 'eth0', 'fd00::1'],
  ] as const)('%s is %s by %s via %s', ([destination, type, dev, via]) => {
    expect(routeFor(routes, destination)).toMatchObject({ type, dev, via });
  });

  it('knows nothing of what is no address, or without routes', () => {
    expect(routeFor(routes, 'shop.example.com')).toBeNull();
    expect(routeFor({ ...routes, routes: [] }, '10.0.0.1')).toBeNull();
  });

  it('follows the rules in order of priority', () => {
    const rules = [
      { ...none, priority: 0, table: 'local' },
      { ...none, priority: 50, table: '100', from: '172.16.0.11' },
      { ...none, priority: 60, table: '100', fwmark: '0x10/0xf0' },
      { ...none, priority: 70, table: 'main', action: 'prohibit', to: '192.0.2.0/24' },
      { ...none, priority: 32766, table: 'main' },
    ];
    expect(routeFor({ ...routes, rules }, '8.8.8.8')?.dev).toBe('eth0');
    expect(routeFor({ ...routes, rules }, '8.8.8.8', { source: '172.16.0.11' })?.dev).toBe('eth1');
    expect(routeFor({ ...routes, rules }, '8.8.8.8', { mark: 0x15 })?.dev).toBe('eth1');
    expect(routeFor({ ...routes, rules }, '192.0.2.7')?.type).toBe('unreachable');
  });

  it('leaves out what a rule suppresses, and obeys not', () => {
    const rules = [
      { ...none, priority: 0, table: 'local' },
      { ...none, priority: 10, table: 'main', suppressPrefixLength: 0 },
      { ...none, priority: 20, table: '100', fwmark: '0xca6c', not: true },
      { ...none, priority: 32766, table: 'main' },
    ];
    expect(routeFor({ ...routes, rules }, '100.64.1.5')?.dev).toBe('eth1');
    expect(routeFor({ ...routes, rules }, '8.8.8.8')?.dev).toBe('eth1');
    expect(routeFor({ ...routes, rules }, '8.8.8.8', { mark: 0xca6c })?.dev).toBe('eth0');
  });
});

describe('reversePath', () => {
  it('is asymmetric where the answer leaves elsewhere', () => {
    expect(reversePath(routes, '100.64.1.5', 'eth1')).toMatchObject({ symmetric: true, strictDrops: false, looseDrops: false });
    expect(reversePath(routes, '100.64.1.5', 'eth0')).toMatchObject({ symmetric: false, strictDrops: true, looseDrops: false });
    expect(reversePath(routes, '203.0.113.9', 'eth0')).toMatchObject({ strictDrops: true, looseDrops: true });
  });
  it('drops a packet that comes from an address of our own', () => {
    expect(reversePath(routes, '10.0.0.11', 'eth0')).toMatchObject({ looseDrops: true });
  });
});

describe('addresses', () => {
  it('are found by interface, and classed', () => {
    expect(ownAddresses(routes)).toEqual(['127.0.0.1', '::1', '10.0.0.11', 'fd00::11', '172.16.0.11']);
    expect(interfaceOf(routes, 'fd00:0::0011')).toBe('eth0');
    expect(interfaceOf(routes, '10.0.0.12')).toBeNull();
    expect([
      addressType(routes, '10.0.0.11'),
      addressType(routes, '10.0.0.255'),
      addressType(routes, '224.0.0.1'),
      addressType(routes, '8.8.8.8'),
    ]).toEqual(['local', 'broadcast', 'multicast', 'unicast']);
  });
});

describe('rpFilterEffective', () => {
  it.for([
    ['0', '1', 1],
    ['1', '0', 1],
    ['2', '1', 2],
    ['0', '0', 0],
  ] as const)('all=%s and own=%s give %s', ([all, own, effective]) => {
    expect(rpFilterEffective({ values: { 'net.ipv4.conf.all.rp_filter': all, 'net.ipv4.conf.eth0.rp_filter': own } }, 'eth0')).toBe(
      effective,
    );
  });
  it('is unknown without a reading', () => {
    expect(rpFilterEffective({ values: {} }, 'eth0')).toBeNull();
  });
});
