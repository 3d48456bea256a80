// The nine steps of the source document: a fact about every report, whoever fills in what a run found.
import { say } from './text.ts';

/** In their order; every report has all of them. */
export const nineSteps = [
  { step: 'error-page', seed: 'step 1', title: say('Who produced the error page', '错误页面由谁产生') },
  { step: 'edge-forwarding', seed: 'step 2', title: say('Is the edge forwarding right', '高防/安全网络转发是否正确') },
  { step: 'clients', seed: 'step 3', title: say('All clients or some', '所有客户端还是部分客户端') },
  { step: 'balancer-state', seed: 'step 4', title: say('State of the balancer and its health checks', '负载均衡与健康检查状态') },
  { step: 'bypass-balancer', seed: 'step 5', title: say('Each backend asked directly', '绕过负载均衡直接访问每台后端') },
  { step: 'layer-4', seed: 'step 6', title: say('Layer 7 against layer 4', '七层与四层对比') },
  { step: 'resources', seed: 'step 7', title: say('CPU, memory, disk and network of the hosts', '主机 CPU、内存、磁盘、网络') },
  { step: 'logs-and-services', seed: 'step 8', title: say('Web logs, services and security software', 'Web 日志、服务与安全软件') },
  { step: 'kernel-parameters', seed: 'step 9', title: say('TCP parameters of the kernel', '内核 TCP 参数') },
] as const;

/** Id of one of the nine steps. */
export type StepId = (typeof nineSteps)[number]['step'];
