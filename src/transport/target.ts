// Reads `ssh://[user@]host[:port]`. Nothing in it may ever be taken for an option of ssh.
import { sshShape } from '../model/site.ts';
import { TransportError } from '../model/transport.ts';

export interface SshTarget {
  readonly user: string | null;
  /** Name, alias of the user's ssh config, or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number | null;
}

/** Throws TransportError where the text is not such a URL. */
export function parseSshTarget(text: string): SshTarget {
  const match = sshShape.exec(text);
  const host = match?.[2] ?? match?.[3];
  const port = match?.[4] === undefined ? null : Number(match[4]);
  if (host === undefined || (port !== null && port > 65535)) {
    throw new TransportError('other', `not an ssh address: ${JSON.stringify(text)}`, 'Write `exec: ssh://user@host:22`.');
  }
  return { user: match?.[1] ?? null, host, port };
}
