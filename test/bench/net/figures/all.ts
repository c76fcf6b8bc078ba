/** The figures, in the order in which they are measured and reported. */
import { bulk } from './bulk.ts';
import { connect } from './connect.ts';
import { distance } from './distance.ts';
import type { Figure } from './figure.ts';
import { http } from './http.ts';
import { idle } from './idle.ts';
import { memory } from './memory.ts';
import { mixed } from './mixed.ts';
import { start } from './start.ts';

export const allFigures: readonly Figure[] = [bulk, http, connect, mixed, distance, start, memory, idle];
