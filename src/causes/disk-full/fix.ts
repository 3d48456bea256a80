// Find what fills the file system, free it, and keep temporary files and logs from filling it again.
import type { Convicted } from '../../model/finding.ts';
import type { Fix } from '../../model/fix.ts';
import { say } from '../../model/text.ts';

export function fixDiskFull(finding: Convicted): Fix {
  const { host } = finding;
  const mount = String(finding.facts?.mount ?? '/');
  const path = String(finding.facts?.path ?? '');
  return {
    summary: say(
      `Free space on ${mount} of ${host ?? 'the host'}, and find out what filled it.`,
      `释放 ${host ?? '主机'} 上 ${mount} 的空间，并查明占满它的原因。`,
    ),
    steps: [
      {
        title: say('See what is large there', '查看占用空间的目录'),
        host,
        command: ['du', '-xm', '--max-depth=2', '--', mount],
        risk: 'none',
      },
      {
        title: say('See how much is left, in bytes and in inodes', '查看剩余空间与 inode'),
        host,
        command: ['df', '-h', '--output=target,size,avail,itotal,iavail', '--', mount],
        risk: 'none',
      },
      {
        title: say(
          'Delete or move what is not needed; a deleted file that a process still has open frees nothing until the process ends',
          '删除或移走不需要的文件；仍被进程打开的已删除文件要等进程结束才会释放空间',
        ),
        host,
        risk: 'medium',
      },
      {
        title: say(
          `Keep ${path === '' ? 'temporary files' : path} on a file system of its own, and rotate logs by size`,
          `把 ${path === '' ? '临时文件' : path} 放到独立的文件系统，并按大小轮转日志`,
        ),
        host,
        risk: 'low',
      },
    ],
    verify: say('`df` shows free space and inodes, and the same request passes.', '`df` 显示有可用空间与 inode，且同一请求成功。'),
  };
}
