// A requester sends marked requests from one vantage and says what came of each. Three ways (own sockets, curl, plain sh), one result.
import type { Exchange, RequestSpec } from '../../model/exchange.ts';
import type { Transport } from '../../model/transport.ts';
import { curlRequester } from './curl.ts';
import { hereRequester } from './here.ts';
import { shRequester } from './sh.ts';
import { detectTools } from './tools.ts';

/** How a batch is sent. `concurrency` bounds the requests in flight; `resolve` works like a hosts file. */
export interface SendOptions {
  readonly signal: AbortSignal;
  /** Version of why5xx, for the User-Agent. */
  readonly version: string;
  readonly resolve: Readonly<Record<string, string>>;
  /** Values that must not appear in an `Exchange`, wherever they come from. */
  readonly secrets: readonly string[];
  readonly concurrency: number;
}

/** One exchange per spec, in the same order. A network failure is part of an exchange; only a vantage that cannot send at all rejects (`ProbeError`, `TransportError`). */
export interface Requester {
  /** Name of the vantage: `here`, or a client, balancer or backend of the site file. */
  readonly from: string;
  send(specs: readonly RequestSpec[], options: SendOptions): Promise<readonly Exchange[]>;
}

/** The best requester for a vantage: own sockets where there is no transport, else curl, else what plain sh finds there. Tools are looked for at the first `send`. */
export function openRequester(from: string, transport: Transport | null): Requester {
  if (transport === null) return hereRequester(from);
  let chosen: Promise<Requester> | undefined;
  const choose = async (signal: AbortSignal): Promise<Requester> => {
    const tools = await detectTools(transport, signal);
    return tools.curl === null ? shRequester(from, transport, tools) : curlRequester(from, transport, tools.curl);
  };
  return {
    from,
    async send(specs, options) {
      if (specs.length === 0) return [];
      chosen ??= choose(options.signal).catch((error: unknown) => {
        chosen = undefined;
        throw error;
      });
      return (await chosen).send(specs, options);
    },
  };
}
