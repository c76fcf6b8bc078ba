/** What every figure is: rows of the report and a way to measure them on one system. */
import type { BackendHandlers } from '../backend.ts';
import type { ClientHandlers } from '../client.ts';
import type { DelayHandlers } from '../delay.ts';
import type { Ground } from '../pair.ts';
import type { Remote } from '../rpc.ts';
import type { System } from '../systems.ts';

/** What our value is to reach: so many times another system's, or a value of its own. */
export type Goal = { readonly times: number; readonly of: string } | { readonly value: number };

export interface Row {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly goals?: readonly Goal[];
}

export interface Bench {
  readonly ground: Ground;
  readonly backend: Remote<BackendHandlers>;
  readonly client: Remote<ClientHandlers>;
  /** Makes links longer. */
  readonly delay: Remote<DelayHandlers>;
  /** How long each timed part runs. */
  readonly seconds: number;
}

/** Values by row id; a row that has no meaning for the system is left out. */
export type Values = Readonly<Record<string, number>>;

export interface Figure {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Starts processes of its own, so that no figure depends on what was measured before it. */
  measure(bench: Bench, system: System): Promise<Values>;
}
