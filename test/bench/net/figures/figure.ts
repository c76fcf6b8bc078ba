/** What every figure is: rows of the report and a way to measure them on one system. */
import type { BackendHandlers } from '../backend.ts';
import type { ClientHandlers } from '../client.ts';
import type { Ground, Pair } from '../pair.ts';
import type { Remote } from '../rpc.ts';
import type { System } from '../systems.ts';

export interface Row {
  readonly id: string;
  readonly label: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
}

export interface Bench {
  readonly ground: Ground;
  readonly backend: Remote<BackendHandlers>;
  readonly client: Remote<ClientHandlers>;
  /** How long each timed part runs. */
  readonly seconds: number;
}

/** Values by row id; a row that has no meaning for the system is left out. */
export type Values = Readonly<Record<string, number>>;

export interface Figure {
  readonly name: string;
  readonly rows: readonly Row[];
  /** `pair` runs and has carried a byte; a figure that needs fresh processes starts its own. */
  measure(bench: Bench, system: System, pair: Pair): Promise<Values>;
}
