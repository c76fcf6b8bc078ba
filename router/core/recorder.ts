/** Who keeps records of what the router does and tells them to collectors of events (`telemetry/vanflow`). */
import type { FlowRecorder } from '../bridge/recorder.ts';

export interface Recorder extends FlowRecorder {
  /** When `tick` has to be called next, ms. */
  deadline(): number;
  tick(now: number): void;
  /** What was not told of, since too much waited. */
  readonly leftOutCount: number;
  /** What the listener `name` is called in records: whoever dials it names it as the other end of its link. */
  accessId(name: string): string;
}
