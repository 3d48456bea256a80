// Stop or restrain what is not the site; where it is the site itself, less work for each request or more machines.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixCpuSaturated(finding: Convicted): Fix {
  const { host } = finding;
  const consumer = String(finding.facts?.consumer ?? '');
  const quota = Number(finding.facts?.quota ?? 0);
  const site = /^(nginx|php|apache|httpd|java|node|python|ruby|gunicorn|uwsgi|puma)/.test(consumer);
  return {
    summary:
      quota > 0
        ? say(
            `Raise the CPU limit of ${quota} CPUs for the site on ${host ?? 'the backend'}, or give it less to do.`,
            `提高 ${host ?? '后端'} 上站点的 CPU 限额（现为 ${quota} 个 CPU），或减少其工作量。`,
          )
        : site
          ? say(
              `Find what ${consumer} spends its CPU time on (profile, cache), or add backends.`,
              `查明 ${consumer} 的 CPU 时间消耗（剖析、加缓存），或增加后端。`,
            )
          : say(
              `Stop ${consumer} on ${host ?? 'the backend'}, or run it with low priority or on another machine.`,
              `停止 ${host ?? '后端'} 上的 ${consumer}，或降低其优先级，或移到别的机器。`,
            ),
    steps: [
      {
        title: say('See who uses the CPUs', '查看谁在使用 CPU'),
        host,
        command: ['top', '-b', '-n', '1', '-o', '%CPU', '-w', '120'],
        risk: 'none',
      },
      quota > 0
        ? {
            title: say(
              'Raise the limit where it was set: CPUQuota of the unit, cpus of the container, limits of the pod',
              '在设置处提高限额：unit 的 CPUQuota、容器的 cpus、Pod 的 limits',
            ),
            host,
            risk: 'low',
          }
        : site
          ? {
              title: say(
                'Have the runtime write what is slow (php-fpm: slowlog; a profiler), and cache or shorten that',
                '让运行时记录慢请求（php-fpm 的 slowlog 或剖析工具），并缓存或优化它',
              ),
              host,
              risk: 'low',
            }
          : {
              title: say(
                `Stop ${consumer}, or lower its priority: a batch job must not run beside a site at normal priority`,
                `停止 ${consumer} 或降低其优先级：批处理任务不应以普通优先级与站点同机运行`,
              ),
              host,
              risk: 'medium',
            },
      {
        title: say('Until then: take load off this backend by its weight at the balancer', '在此之前：在负载均衡上调低该后端的权重'),
        host: null,
        risk: 'low',
      },
    ],
    verify: say(
      '`some avg10` in /proc/pressure/cpu falls below 20 under the same load, and the page answers in its usual time.',
      '相同负载下 /proc/pressure/cpu 的 `some avg10` 降到 20 以下，且页面恢复正常耗时。',
    ),
  };
}
