/**
 * Runs in a pod: asks the cluster's DNS for the A records of NAME each INTERVAL ms, until something comes by standard input. Prints JSON:
 * when it asked (wall clock), how long it took, and the answer, or the error code.
 */
import { Resolver } from 'node:dns/promises';

const [name = '', interval = '250'] = process.argv.slice(-2);
const resolver = new Resolver({ timeout: 1000, tries: 1 });
const answers: [askedMs: number, tookMs: number, answer: string][] = [];

const timer = setInterval(() => {
  const asked = Date.now();
  const told = (answer: string) => answers.push([asked, Date.now() - asked, answer]);
  resolver.resolve4(name).then(
    (addresses) => told(addresses.sort().join()),
    (error: NodeJS.ErrnoException) => told(error.code ?? error.message),
  );
}, Number(interval));

process.stdin.once('data', () => {
  clearInterval(timer);
  setTimeout(() => process.stdout.write(JSON.stringify(answers), () => process.exit()), 1200);
});
