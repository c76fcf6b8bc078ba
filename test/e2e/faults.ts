/**
 * What can happen to a part of a cluster of the lab: it is killed, frozen, or cut off from everybody. Each fault is begun and ended; whatever
 * was killed is started again by whoever keeps it (kubelet, supervisor of the node).
 */
import { CONTEXTS, CONTROLLER_NAMESPACE, lab, Place } from './world.ts';

export const PARTS = ['router', 'service-controller', 'API server', 'whole cluster'] as const;
export const WAYS = ['killed', 'frozen', 'cut off'] as const;
export type Part = (typeof PARTS)[number];
export type Way = (typeof WAYS)[number];

export interface Fault {
  begin: () => Promise<unknown>;
  end: () => Promise<unknown>;
}

/** Of the programs of a node, by what stands in their command line. */
const COMMAND_LINE: Record<Exclude<Part, 'whole cluster'>, string> = {
  router: 'main[.]js router ',
  'service-controller': 'main[.]js service-controller',
  'API server': '[k]ube-apiserver',
};
const LABEL = {
  router: 'skupper.io/component=router',
  'service-controller': 'app.kubernetes.io/name=skuprt-service-controller',
};
const TABLE = 'skuprt_e2e';

export function faultOf(context: string, part: Part, way: Way): Fault {
  if (part === 'whole cluster') return faultOfCluster(context, way);
  if (way === 'cut off')
    return { begin: () => cutOff(context, part), end: () => inNode(context, `nft delete table inet ${TABLE}`) };
  const signal = (name: string) => inNode(context, `pkill -${name} -f '${COMMAND_LINE[part]}'`);
  if (way === 'frozen') return { begin: () => signal('STOP'), end: () => signal('CONT') };
  return { begin: () => signal('KILL'), end: async () => {} };
}

function faultOfCluster(context: string, way: Way): Fault {
  const others = CONTEXTS.filter((other) => other !== context);
  if (way === 'cut off') {
    return {
      begin: async () => {
        for (const other of others) await lab('cut', context, other);
      },
      end: () => lab('cut'),
    };
  }
  // Every program of the node but its supervisor and the shell that says so.
  const all = (signal: string) =>
    inNode(
      context,
      `for p in /proc/[0-9]*; do p=\${p#/proc/}; [ $p -gt 1 ] && [ $p != $$ ] && kill -${signal} $p; done 2>/dev/null; true`,
    );
  if (way === 'frozen') return { begin: () => all('STOP'), end: () => all('CONT') };
  return { begin: () => all('KILL'), end: async () => {} };
}

/** From all but the node itself, as a network that loses packets does: nobody is told. */
async function cutOff(context: string, part: 'router' | 'service-controller' | 'API server'): Promise<void> {
  const rules =
    part === 'API server'
      ? ['tcp dport 6443 drop', 'tcp sport 6443 drop']
      : (await podAddresses(context, part)).flatMap((address) => [
          `ip saddr ${address} drop`,
          `ip daddr ${address} drop`,
        ]);
  const chains = ['input', 'output', 'forward'].map(
    (hook) => `chain ${hook} {\ntype filter hook ${hook} priority -300\n${rules.join('\n')}\n}`,
  );
  await inNode(context, `nft 'table inet ${TABLE} {\n${chains.join('\n')}\n}'`);
}

async function podAddresses(context: string, part: 'router' | 'service-controller'): Promise<string[]> {
  const namespace = part === 'router' ? 'skuprt-system' : CONTROLLER_NAMESPACE;
  const pods = await new Place(context, namespace).list('pods', LABEL[part]);
  return pods.map(({ status }) => status.podIP as string).filter(Boolean);
}

/** These processes are those of the node's own process namespace. */
function inNode(context: string, script: string): Promise<string> {
  return lab('exec', context, 'sh', '-c', script);
}
