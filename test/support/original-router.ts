/** The original router, for comparison: a skrouterd built elsewhere, named by the environment. */
import { isExecutable } from './programs.ts';

const program = process.env.SKROUTERD;

/** Its path, or undefined when none is named or it cannot run. */
export const originalRouter = program !== undefined && isExecutable(program) ? program : undefined;

export const HOW_TO_HAVE_IT = 'set SKROUTERD to the path of a built skrouterd (skupperproject/skupper-router)';
