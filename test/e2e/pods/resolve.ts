/** Runs in a pod: prints as JSON what the cluster's DNS answers for TYPE NAME; a name that is not there gives its error code. */
import { resolve } from 'node:dns/promises';

const [type = 'A', name = ''] = process.argv.slice(-2);
const answer = await resolve(name, type).catch((error: NodeJS.ErrnoException) => error.code);
process.stdout.write(JSON.stringify(answer));
