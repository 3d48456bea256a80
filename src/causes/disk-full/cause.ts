// A file system without free space or inodes answers ENOSPC. nginx writes request bodies larger than client_body_buffer_size to a temporary
// file, so small requests pass and large POSTs get 500; a large response that does not fit into memory ends early. Applications fail where
// they keep sessions, uploads or caches. Logs on the same file system stop, so that a missing line proves nothing.
import { ownErrors } from '../../facts/backend-view.ts';
import { effective, settingBytes } from '../../facts/nginx-config.ts';
import { backendRequests, citeError, citeRequest, clientRequests, ids, outcomeText, succeeding } from '../../facts/scene.ts';
import type { Logged } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Scene } from '../../model/cause.ts';
import type { Measured } from '../../model/evidence.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import type { Disks, ErrorLine } from '../../model/observations.ts';
import type { Symptom } from '../../model/symptom.ts';
import { say } from '../../model/text.ts';
import { fixDiskFull } from './fix.ts';

type Sees = Scene<'disks' | 'logs' | 'requests' | 'backend-requests' | 'nginx-config'>;
type Filesystem = Disks['filesystems'][number];

/** Less than this is full for everybody who writes in blocks. */
const leastBytes = 64 * 1024;
const noSpace = /No space left on device|Disk quota exceeded|has written only \d+ of \d+/;
/** Lines of PHP carry the kernel's words of what they failed at. */
const signatures = ['temp-no-space', 'php-fatal', 'php-warning'];

export const diskFull = defineCause({
  id: 'disk-full',
  title: say('A file system is full', '文件系统已满'),
  layer: 'host',
  seed: 'cause 5',
  perHost: ['edge', 'balancer', 'backend'],
  needs: ['disks'],
  wants: ['logs', 'requests', 'backend-requests', 'nginx-config'],
  judge(scene): Finding {
    const host = scene.host?.host ?? '';
    const disks = scene.one('disks');
    if (disks === undefined)
      return { is: 'inconclusive', host, reason: say('the file systems were not measured', '未能测量文件系统'), wouldTell: ['disks'] };
    const full = disks.data.filesystems.flatMap((each, index) => (isFull(each, leastBytes) ? [{ each, index }] : []));
    const lines = ownErrors(scene, host, signatures).filter(({ line }) => noSpace.test(line.text));
    const own = symptomsOf(scene, host);
    const named = own.filter((symptom) => lines.some((each) => tells(each, symptom)));
    const told = lines.filter((each) => named.some((symptom) => tells(each, symptom)));
    // A warning of PHP may go before a failure of another kind.
    const line = told.find((each) => each.line.signature !== 'php-warning') ?? told[0];
    const failed = line?.line.fields['path'] ?? pathIn(line?.line.text ?? '');
    const at = placeOf(disks.data, failed) ?? full[0]?.index ?? null;
    const place = at === null ? undefined : disks.data.filesystems[at];
    if (line !== undefined && named.length > 0) {
      const mount = place?.mount ?? failed ?? '';
      return {
        is: line.line.signature === 'php-warning' ? 'likely' : 'confirmed',
        host,
        summary: say(
          `${host} cannot write ${failed ?? 'a file'}: no space is left on ${mount}${place === undefined ? '' : ` (${sizeText(place).en})`}.`,
          `${host} 无法写入 ${failed ?? '文件'}：${mount} 已无可用空间${place === undefined ? '' : `（${sizeText(place).zh}）`}。`,
        ),
        because: [
          citeError(line),
          ...(place === undefined || at === null ? [] : [citePlace(disks, place, at)]),
          ...control(scene, host, named),
        ],
        explains: ids(named),
        facts: { mount, path: failed ?? '' },
      };
    }
    const bodies = bodyTrouble(scene, disks, host, own);
    if (bodies !== null) return bodies;
    if (full[0] !== undefined) {
      const { each, index } = full[0];
      return {
        is: 'advice',
        host,
        summary: say(
          `${each.mount} on ${host} is full (${sizeText(each).en}; used for ${usesText(each)}), but no failing request was seen to need it.`,
          `${host} 上的 ${each.mount} 已满（${sizeText(each).zh}；用于 ${usesText(each)}），但未见失败请求依赖它。`,
        ),
        because: [citePlace(disks, each, index)],
      };
    }
    const [tightest] = disks.data.filesystems
      .map((each, index) => ({ each, index }))
      .filter(({ each }) => each.sizeBytes > 0)
      .toSorted((a, b) => a.each.availableBytes - b.each.availableBytes);
    if (tightest === undefined)
      return {
        is: 'inconclusive',
        host,
        reason: say('no file system in use was measured', '没有测得任何在用的文件系统'),
        wouldTell: ['disks'],
      };
    return { is: 'ruled-out', host, because: [citePlace(disks, tightest.each, tightest.index)] };
  },
  fix: fixDiskFull,
});

/** Failures that this host may have made by itself: 500s, and answers that ended early. */
function symptomsOf(scene: Sees, host: string): readonly Symptom[] {
  const role = scene.host?.role;
  return scene.symptoms.filter(({ status, error, answeredBy, backends }) => {
    if (status !== 500 && !(error === 'closed' && status !== null && status < 400)) return false;
    if (answeredBy.host !== null) return answeredBy.host === host;
    if (answeredBy.hop !== 'unknown' && answeredBy.hop !== role) return false;
    return role !== 'backend' || backends.length === 0 || backends.includes(host);
  });
}

/** Whether an error line is about the request of a symptom. */
function tells({ line }: Logged<ErrorLine>, symptom: Symptom): boolean {
  const [method, target = ''] = (line.request ?? '').split(' ');
  return method === symptom.method && target.split('?')[0] === new URL(symptom.url).pathname;
}

function isFull({ sizeBytes, availableBytes, inodes, inodesFree, readOnly }: Filesystem, wantedBytes: number): boolean {
  if (sizeBytes === 0 || readOnly === true) return false;
  return availableBytes < wantedBytes || (inodes !== null && inodes > 0 && inodesFree === 0);
}

function pathIn(text: string): string | undefined {
  return /(?:open|mkdir|fopen|file_put_contents|write)\((\/[^,)]+)/.exec(text)?.[1];
}

/** Index of the file system that holds a path: the longest mount point above it. */
function placeOf({ filesystems }: Disks, path: string | undefined): number | null {
  if (path === undefined || !path.startsWith('/')) return null;
  const above = filesystems
    .map(({ mount }, index) => ({ mount, index }))
    .filter(({ mount }) => mount === '/' || path === mount || path.startsWith(`${mount}/`));
  return above.toSorted((a, b) => b.mount.length - a.mount.length)[0]?.index ?? null;
}

/** Without a line: the temporary directory for request bodies is full, and a body that needs it was answered 500 by this very host. */
function bodyTrouble(scene: Sees, disks: Measured<'disks'>, host: string, own: readonly Symptom[]): Finding | null {
  const config = scene.one('nginx-config')?.data;
  if (config?.running !== true) return null;
  const buffer = settingBytes(effective(config, {}, 'client_body_buffer_size')) ?? 16_384;
  const sent = [...clientRequests(scene), ...scene.site.backends.flatMap((each) => backendRequests(scene, each.name))];
  const large = own.filter(
    (symptom) =>
      symptom.status === 500 &&
      symptom.exchanges.some(({ nonce }) => sent.some(({ exchange }) => exchange.nonce === nonce && exchange.requestBodyBytes > buffer)),
  );
  const wanted = Math.max(leastBytes, ...sent.map(({ exchange }) => exchange.requestBodyBytes));
  const index = disks.data.filesystems.findIndex(
    (each) => isFull(each, wanted) && each.uses.some(({ what }) => what === 'nginx client_body_temp'),
  );
  const place = disks.data.filesystems[index];
  if (place === undefined || large.length === 0) return null;
  const path = place.uses.find(({ what }) => what === 'nginx client_body_temp')?.path ?? place.mount;
  return {
    is: large.every((symptom) => symptom.answeredBy.host === host) ? 'confirmed' : 'likely',
    host,
    summary: say(
      `nginx on ${host} keeps request bodies of more than ${buffer} bytes in ${path}, and ${place.mount} is full (${sizeText(place).en}).`,
      `${host} 上的 nginx 把大于 ${buffer} 字节的请求体写入 ${path}，而 ${place.mount} 已满（${sizeText(place).zh}）。`,
    ),
    because: [citePlace(disks, place, index), ...control(scene, host, large)],
    explains: ids(large),
    facts: { mount: place.mount, path },
  };
}

/** The same page without a body, served well: only what has to be written fails. */
function control(scene: Sees, host: string, symptoms: readonly Symptom[]): readonly Citation[] {
  const paths = new Set(
    symptoms.filter((symptom) => symptom.method !== 'GET' && symptom.method !== 'HEAD').map((symptom) => new URL(symptom.url).pathname),
  );
  const fine = succeeding([...backendRequests(scene, host), ...clientRequests(scene)]).find(
    ({ exchange }) => exchange.requestBodyBytes === 0 && paths.has(new URL(exchange.url).pathname),
  );
  return fine === undefined
    ? []
    : [
        citeRequest(
          fine,
          say(`the same page without a request body: ${outcomeText(fine).en}`, `不带请求体的同一页面：${outcomeText(fine).zh}`),
        ),
      ];
}

function citePlace(disks: Measured<'disks'>, place: Filesystem, index: number): Citation {
  const inodes = place.inodes !== null && place.inodes > 0 && place.inodesFree === 0;
  return cite(
    disks,
    `/filesystems/${index}/${inodes ? 'inodesFree' : 'availableBytes'}`,
    say(
      `${place.mount}: ${sizeText(place).en}; used for ${usesText(place)}`,
      `${place.mount}：${sizeText(place).zh}；用于 ${usesText(place)}`,
    ),
  );
}

function sizeText({ availableBytes, sizeBytes, inodes, inodesFree }: Filesystem): ReturnType<typeof say> {
  if (inodes !== null && inodes > 0 && inodesFree === 0) return say(`0 of ${inodes} inodes free`, `${inodes} 个 inode 全部用尽`);
  return say(`${bytes(availableBytes)} of ${bytes(sizeBytes)} available`, `共 ${bytes(sizeBytes)}，可用 ${bytes(availableBytes)}`);
}

function bytes(value: number): string {
  if (value < 10_240) return `${value} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value / 1024;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) [scaled, unit] = [scaled / 1024, unit + 1];
  return `${scaled >= 10 ? Math.round(scaled) : scaled.toFixed(1)} ${units[unit] ?? ''}`;
}

function usesText({ uses }: Filesystem): string {
  return (
    uses
      .slice(0, 3)
      .map(({ what, path }) => `${what} ${path}`)
      .join(', ') || '-'
  );
}
