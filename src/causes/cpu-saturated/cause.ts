// The host's own processes use up its CPUs, so the work of a request takes many times as long as it should: the connection is accepted at once
// by the kernel, and the first byte comes after somebody's read timeout. Seen from outside this is any slow page; inside, the CPUs are used up
// and the site's processes are ready to run but wait. Load, /proc/stat and /proc/pressure are those of the whole machine: in a container, and on
// a machine that several hosts share, only the host's own processes and its own control group tell whose trouble it is.
import { failedOthers, lateSymptoms, servedHere, staticAnswer } from '../../facts/backend-view.ts';
import { cpuUse } from '../../facts/cpu.ts';
import type { CpuUse } from '../../facts/cpu.ts';
import { citeAccess, citeRequest, failing, ids, outcomeText } from '../../facts/scene.ts';
import { cite, defineCause } from '../../model/cause.ts';
import type { Scene } from '../../model/cause.ts';
import type { Citation, Finding } from '../../model/finding.ts';
import { say } from '../../model/text.ts';
import type { Localised } from '../../model/text.ts';
import { fixCpuSaturated } from './fix.ts';

type Sees = Scene<'processes' | 'host-facts' | 'pressure' | 'cgroups' | 'requests' | 'backend-requests' | 'logs'>;

/** Share of all CPUs that leaves nothing over. */
const usedUp = 0.85;
/** Share below which somebody else uses up a machine whose CPUs are all busy; the smaller one counts where the site's processes starve. */
const minorUser = 0.25;
const minorUserStarving = 0.1;

export const cpuSaturated = defineCause({
  id: 'cpu-saturated',
  title: say('The backend’s CPUs are used up', '后端 CPU 耗尽'),
  layer: 'host',
  seed: 'cause 5',
  perHost: ['backend'],
  needs: ['processes', 'host-facts'],
  wants: ['pressure', 'cgroups', 'requests', 'backend-requests', 'logs'],
  consequenceOf: ['hairpin-loop'],
  judge(scene): Finding {
    const host = scene.host?.host ?? '';
    const use = cpuUse(scene, host);
    if (use === null)
      return {
        is: 'inconclusive',
        host,
        reason: say('the CPU time of its processes was read only once', '进程的 CPU 时间只读取了一次'),
        wouldTell: ['processes'],
      };
    const used = cite(use.evidence, '/cpuSecondsAll', useText(use));
    const throttle = throttled(scene, host);
    const busy = scene.one('pressure')?.data.busy ?? null;
    const starved = use.serving !== null && use.serving.waitedSeconds >= Math.max(1, 5 * use.serving.ranSeconds);
    const full = use.share >= usedUp || (busy !== null && busy >= 0.95 && use.share >= (starved ? minorUserStarving : minorUser));
    if (!full && throttle === null) return { is: 'ruled-out', host, because: [used] };

    const late = lateSymptoms(scene, host).map((each) => each.symptom);
    const [first] = late;
    const slow =
      first === undefined
        ? undefined
        : failing(servedHere(scene, host, first)).find(({ exchange }) => exchange.phases.connectedMs !== null);
    const answer = staticAnswer(scene, host);
    const others = failedOthers(scene, host);
    const pressure = scene.one('pressure');
    const some = pressure?.data.cpu.some ?? null;
    const [top] = use.consumers;
    const because: readonly [Citation, ...Citation[]] = [
      throttle?.citation ?? used,
      ...(throttle === null ? [] : [used]),
      ...(top === undefined ? [] : [cite(use.evidence, top.pointer, topText(use, host))]),
      ...(use.serving === null || !starved ? [] : [cite(use.evidence, use.serving.pointer, waitText(use.serving))]),
      ...(pressure === undefined || busy === null
        ? []
        : [cite(pressure, '/busy', say(`the machine’s CPUs were ${percent(busy)} busy meanwhile`, `其间整机 CPU 占用 ${percent(busy)}`))]),
      ...(pressure === undefined || some === null
        ? []
        : [
            cite(
              pressure,
              '/cpu/some/avg10',
              say(
                `in the last 10 s some process waited for a CPU ${some.avg10} % of the time (/proc/pressure/cpu)`,
                `最近 10 秒内有 ${some.avg10} % 的时间存在等待 CPU 的进程（/proc/pressure/cpu）`,
              ),
            ),
          ]),
      ...(slow === undefined
        ? []
        : [
            citeRequest(
              slow,
              say(
                `a request to ${host} connected at once and then waited: ${outcomeText(slow).en}`,
                `发往 ${host} 的请求立即连上，随后一直等待：${outcomeText(slow).zh}`,
              ),
            ),
          ]),
      ...(answer === null
        ? []
        : [
            citeRequest(
              answer,
              say(
                `a page without the application, straight to ${host}: ${outcomeText(answer).en}`,
                `直接向 ${host} 请求不经过应用的页面：${outcomeText(answer).zh}`,
              ),
            ),
          ]),
      ...others
        .slice(0, 1)
        .map((each) =>
          citeAccess(each, say(`requests of other users fail meanwhile: ${each.line.text}`, `同时其他用户的请求也失败：${each.line.text}`)),
        ),
    ];
    const waits = use.serving !== null && starved ? waitText(use.serving) : useText(use);
    const summary =
      throttle === null
        ? say(
            `The CPUs of ${host} are used up: ${topText(use, host).en}; ${waits.en}.`,
            `${host} 的 CPU 已耗尽：${topText(use, host).zh}；${waits.zh}。`,
          )
        : say(
            `The CPU limit of the site on ${host} is used up: ${throttle.says.en}.`,
            `${host} 上站点的 CPU 限额已耗尽：${throttle.says.zh}。`,
          );
    if (late.length === 0) return { is: 'advice', host, summary, because };
    return {
      // What was late is what was ready to run and got no CPU; without the kernel's account of that, everybody else has to be late too.
      is:
        (starved && (use.share >= minorUser || !top?.serves)) ||
        throttle !== null ||
        (use.serving === null && use.share >= usedUp && others.length > 0)
          ? 'confirmed'
          : 'likely',
      host,
      summary,
      because,
      explains: ids(late),
      facts: { consumer: top?.name ?? '', cpus: use.cpus, quota: throttle?.quota ?? 0 },
    };
  },
  fix: fixCpuSaturated,
});

/** The control group of the site's processes that held them back for most of the time; null where none did. */
function throttled(scene: Sees, host: string): { readonly citation: Citation; readonly says: Localised; readonly quota: number } | null {
  const cgroups = scene.one('cgroups', host);
  if (cgroups === undefined) return null;
  for (const [index, { path, cpuQuota, periods, throttled: held }] of cgroups.data.groups.entries()) {
    const all = periods?.delta ?? 0;
    const stopped = held?.delta ?? 0;
    if (cpuQuota === null || all < 5 || stopped / all < 0.5) continue;
    const says = say(
      `control group ${path} may use ${cpuQuota} CPUs and was stopped in ${stopped} of ${all} periods`,
      `控制组 ${path} 限用 ${cpuQuota} 个 CPU，${all} 个周期中有 ${stopped} 个被限流`,
    );
    return { citation: cite(cgroups, `/groups/${index}/throttled/delta`, says), says, quota: cpuQuota };
  }
  return null;
}

function useText({ usedSeconds, elapsedSeconds, cpus, share }: CpuUse): Localised {
  const used = usedSeconds.toFixed(1);
  const of = (elapsedSeconds * cpus).toFixed(1);
  return say(
    `its own processes used ${used} of ${of} CPU seconds (${percent(share)} of ${cpus} CPUs)`,
    `自身进程用掉 ${of} CPU 秒中的 ${used} 秒（${cpus} 个 CPU 的 ${percent(share)}）`,
  );
}

/** `sh (3 processes) used 9.1 of the 20.5 CPU seconds there were`. */
function topText({ consumers, elapsedSeconds, cpus }: CpuUse, host: string): Localised {
  const [top] = consumers;
  if (top === undefined) return say(`no process of ${host} stands out`, `${host} 上没有突出的进程`);
  const count = top.processes === 1 ? say('1 process', '1 个进程') : say(`${top.processes} processes`, `${top.processes} 个进程`);
  const of = (elapsedSeconds * cpus).toFixed(1);
  return say(
    `${top.name} (${count.en}) used ${top.seconds.toFixed(1)} of the ${of} CPU seconds there were`,
    `${top.name}（${count.zh}）占用了 ${of} CPU 秒中的 ${top.seconds.toFixed(1)} 秒`,
  );
}

function waitText({ ranSeconds, waitedSeconds, name }: NonNullable<CpuUse['serving']>): Localised {
  return say(
    `the site’s processes (${name} …) ran for ${ranSeconds.toFixed(1)} s and waited ${waitedSeconds.toFixed(1)} s for a CPU`,
    `站点的进程（${name} 等）运行了 ${ranSeconds.toFixed(1)} 秒，等待 CPU ${waitedSeconds.toFixed(1)} 秒`,
  );
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
