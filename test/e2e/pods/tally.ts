/** Runs in a pod: COUNT new connections to http://HOST:PORT/, one after the other; prints as JSON how often each answer came. */
import { get } from 'node:http';

const [host = '', port = '', count = '1'] = process.argv.slice(-3);
const tally: Record<string, number> = {};

function ask(): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host, port, agent: false, timeout: 3000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text.trim())).on('error', (error) => resolve(`error: ${error.message}`));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error) => resolve(`error: ${error.message}`));
  });
}

for (let index = 0; index < Number(count); index += 1) {
  const answer = await ask();
  tally[answer] = (tally[answer] ?? 0) + 1;
}
process.stdout.write(JSON.stringify(tally));
