// The files of a folder that may be logs. A folder of collected logs holds much else; whatever is left out is named.
import { opendir } from 'node:fs/promises';
import path from 'node:path';

/** Folders below the given one, and files in all, beyond which nobody meant "these logs". */
const depthLimit = 6;
const fileLimit = 20_000;

const notLogs =
  /\.(?:conf|cfg|cnf|ini|ya?ml|toml|html?|css|m?js|ts|php|py|rb|sh|pl|md|rst|pdf|png|jpe?g|gif|svg|ico|woff2?|pem|crt|key|pid|sock|lock|swp|db|sqlite3?|journal|so|deb|rpm|py[co]|har|pcap(?:ng)?)$/i;

/** What was found below a folder. Paths begin with the folder as it was given. */
export interface FolderListing {
  readonly files: readonly string[];
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}

/** Lists the files below `folder`, sorted by name; links are followed to files, not to folders. Throws where the folder itself cannot be read. */
export async function listFolder(folder: string): Promise<FolderListing> {
  const files: string[] = [];
  const skipped: { path: string; why: string }[] = [];
  const walk = async (at: string, depth: number): Promise<void> => {
    const folders: string[] = [];
    for await (const entry of await opendir(at)) {
      const full = path.join(at, entry.name);
      if (entry.isDirectory()) folders.push(full);
      else if (entry.name.startsWith('.')) skipped.push({ path: full, why: 'hidden' });
      else if (!entry.isFile() && !entry.isSymbolicLink()) skipped.push({ path: full, why: 'not a file' });
      else if (notLogs.test(entry.name)) skipped.push({ path: full, why: 'not a log by its name' });
      else if (files.length >= fileLimit) skipped.push({ path: full, why: `more than ${fileLimit} files` });
      else files.push(full);
    }
    for (const each of folders.toSorted()) {
      if (depth >= depthLimit) skipped.push({ path: each, why: `more than ${depthLimit} folders deep` });
      else if (path.basename(each).startsWith('.')) skipped.push({ path: each, why: 'hidden' });
      else
        await walk(each, depth + 1).catch((error: unknown) => {
          skipped.push({ path: each, why: `folder not readable (${(error as { code?: string }).code ?? String(error)})` });
        });
    }
  };
  await walk(folder, 0);
  return { files: files.toSorted(), skipped: skipped.toSorted((a, b) => (a.path < b.path ? -1 : 1)) };
}
