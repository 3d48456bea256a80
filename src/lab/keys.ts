// Keys and certificates of one lab, made anew at each `up`: host keys and a client key for ssh, and a lab authority for the edge's TLS.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type HostPlan, siteHost } from './plan.ts';
import { filesOf } from './state.ts';
import { mustRun } from './system.ts';

export interface Credentials {
  readonly clientPublicKey: string;
  /** Host → path inside it → content. */
  readonly hostFiles: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const sshdConfig = `Port 22
AddressFamily inet
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PidFile /run/sshd.pid
MaxStartups 100
`;

/** Makes all keys at once. Leaves the client's key, the known hosts, the ssh configuration and the authority in the lab's folder. */
export async function makeCredentials(directory: string, hosts: readonly HostPlan[]): Promise<Credentials> {
  const ssh = join(directory, 'ssh');
  const tls = join(directory, 'tls');
  mkdirSync(ssh, { recursive: true, mode: 0o700 });
  mkdirSync(tls, { recursive: true, mode: 0o700 });
  const key = (name: string) => mustRun(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(ssh, name)]);
  await Promise.all([...hosts.map((host) => key(host.name)), key('id_ed25519'), makeCertificates(tls)]);

  const hostFiles = Object.fromEntries(
    hosts.map((host) => [
      host.name,
      {
        '/etc/ssh/ssh_host_ed25519_key': readFileSync(join(ssh, host.name), 'utf8'),
        '/etc/ssh/ssh_host_ed25519_key.pub': readFileSync(join(ssh, `${host.name}.pub`), 'utf8'),
        ...(host.role === 'edge'
          ? Object.fromEntries(
              ['shop.crt', 'shop.key', 'placeholder.crt', 'placeholder.key'].map((name) => [
                `/etc/nginx/tls/${name}`,
                readFileSync(join(tls, name), 'utf8'),
              ]),
            )
          : {}),
      },
    ]),
  );
  const known = hosts.map(
    (host) =>
      `${host.managementAddress} ${readFileSync(join(ssh, `${host.name}.pub`), 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' ')}`,
  );
  writeFileSync(join(ssh, 'known_hosts'), `${known.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(
    filesOf(directory).sshConfig,
    `Host 172.31.213.*
  User root
  IdentityFile ${join(ssh, 'id_ed25519')}
  IdentitiesOnly yes
  UserKnownHostsFile ${join(ssh, 'known_hosts')}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
`,
    { mode: 0o600 },
  );
  for (const host of hosts) {
    rmSync(join(ssh, host.name));
    rmSync(join(ssh, `${host.name}.pub`));
  }
  return { clientPublicKey: readFileSync(join(ssh, 'id_ed25519.pub'), 'utf8'), hostFiles };
}

async function makeCertificates(folder: string): Promise<void> {
  const path = (name: string) => join(folder, name);
  const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const placeholder = mustRun([
    'openssl',
    'req',
    '-x509',
    ...elliptic,
    '-keyout',
    path('placeholder.key'),
    '-out',
    path('placeholder.crt'),
    '-days',
    '365',
    '-subj',
    '/CN=placeholder.invalid',
  ]);
  await mustRun([
    'openssl',
    'req',
    '-x509',
    ...elliptic,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '365',
    '-subj',
    '/CN=Lab authority',
  ]);
  await mustRun([
    'openssl',
    'req',
    '-x509',
    '-CA',
    path('ca.pem'),
    '-CAkey',
    path('ca.key'),
    ...elliptic,
    '-keyout',
    path('shop.key'),
    '-out',
    path('shop.crt'),
    '-days',
    '90',
    '-subj',
    `/CN=${siteHost}`,
    '-addext',
    `subjectAltName=DNS:${siteHost}`,
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  ]);
  await placeholder;
}
