/** Runs in a pod: prints what a URL answers. */
const [url = ''] = process.argv.slice(-1);
const answer = await fetch(url, { signal: AbortSignal.timeout(3000) });
if (!answer.ok) throw new Error(`status ${answer.status}`);
process.stdout.write(await answer.text());
