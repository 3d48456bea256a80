// A batch job at normal priority on a backend whose application runs at low priority. Hosts of the lab share the machine's CPUs: the low
// priority keeps the others as quick as if they had CPUs of their own, so that only this backend starves.
import type { Fault, Lab } from '../../model/fault.ts';

/** Ends by itself after so many seconds of CPU time, whatever happens to the lab. */
const longestSeconds = 240;
const job = `ulimit -t ${longestSeconds}; while :; do :; done`;

async function starve(lab: Lab, name: string): Promise<void> {
  const { fpmPool, fpmSocket, webRoot } = lab.facts.paths;
  const page = `${webRoot}/api/orders.php`;
  for (const backend of lab.backends) {
    // A release that made the page heavier: about 0.1 s of CPU time.
    await backend.edit(page, '$i < 40000', '$i < 200000');
    if (backend.name === name) await backend.edit(fpmPool, '[www]', '[www]\nprocess.priority = 19');
    await backend.service('php-fpm', 'restart');
  }
  const host = lab.host(name);
  // Where the kernel shares by session, the priority of a process counts only inside its session.
  await host.run([
    'sh',
    '-c',
    'file=/proc/$(cat "$1")/autogroup; if [ -w "$file" ]; then echo 19 > "$file"; fi',
    'sh',
    fpmSocket.replace(/sock$/, 'pid'),
  ]);
  const cpus = Number(await host.run(['nproc']));
  for (let i = 0; i <= cpus; i += 1) await host.spawn(['sh', '-c', job]);
}

export const cpuSaturatedFault: Fault = {
  cause: 'cpu-saturated',
  variants: [
    { name: 'batch-job', title: 'a batch job takes the CPUs of one backend', host: 'web-2', inject: (lab) => starve(lab, 'web-2') },
    {
      name: 'batch-job-other',
      title: 'a batch job takes the CPUs of another backend',
      host: 'web-3',
      inject: (lab) => starve(lab, 'web-3'),
    },
  ],
};
