/** What Linux says about processes and this machine. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** Of /proc/<pid>/stat; fixed at 100 on every Linux that Node runs on. */
const CLOCK_TICKS_PER_SECOND = 100;

/** Resident memory of all the processes together. */
export function residentKib(pids: readonly number[]): number {
  return sum(pids, (pid) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));
}

/** User and system time, all threads, of all the processes together. */
export function cpuSeconds(pids: readonly number[]): number {
  return sum(pids, (pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name is in parentheses and may hold anything, so count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  });
}

/** Time that the threads of one process that still live have run, to the nanosecond: for a process that does little. */
export function runningSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const of = (thread: string): number => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e9;
  };
  return threads.reduce((total, thread) => total + of(thread), 0);
}

export function openFilesMax(): number {
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}

/** The first line of what a program says about its version. */
export function versionOf(program: string, ...args: string[]): string {
  const output = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return output.split('\n')[0] ?? '';
}

export function describeMachine(): string {
  const processors = cpus();
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} x ${processors[0]?.model ?? 'unknown processor'}, ${memoryGib} GiB, Linux ${release()}, Node ${process.version}`;
}

function sum(pids: readonly number[], of: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + of(pid), 0);
}
