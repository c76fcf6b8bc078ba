/**
 * Co-records: what a connector's end knows of a flow, told to the router of the listener's end, which tells of the flow
 * (wire reference 6.8). Written by the one, read by the other; both ways with skupper-router.
 */
import { ATTRIBUTE, RECORD_TYPE } from '../../../lib/vanflow.ts';
import { MessageError } from '../../amqp/message/errors.ts';
import { type Head, parseHead } from '../../amqp/message/head.ts';
import type { SocketEnd } from '../../bridge/flow-owner.ts';
import type { ConnectorNote, CountedFlow } from '../../bridge/recorder.ts';
import { CO_RECORDS_PER_MESSAGE_MAX, TEXT_LENGTH_MAX } from './limits.ts';
import type { RecordMessage } from './messages.ts';
import type { Told, Value } from './told.ts';

const SOURCE_LENGTH = 5;
const IDENTITY = /^([^:]{5}):([0-9]{1,15})$/;

/** `<5 characters>:<number>`; undefined for anything else. */
export function parseIdentity(identity: string): { source: string; number: number } | undefined {
  const match = IDENTITY.exec(identity);
  return match ? { source: match[1]!, number: Number(match[2]) } : undefined;
}

export function sourceOf(identity: string): string {
  return identity.slice(0, SOURCE_LENGTH);
}

export interface CoKeeper {
  changed(record: CoRecord): void;
}

export class CoRecord implements Told, ConnectorNote {
  readonly identity: string;
  queued = false;
  private readonly flow: CountedFlow;
  private readonly keeper: CoKeeper;
  private readonly values = new Map<number, Value>();

  /** @param connector id of the tcpConnector's record */
  constructor(identity: string, connector: string, trace: readonly string[], flow: CountedFlow, keeper: CoKeeper) {
    this.identity = identity;
    this.flow = flow;
    this.keeper = keeper;
    this.values.set(ATTRIBUTE.trace, trace.length === 0 ? 'Local' : trace.join('|'));
    this.values.set(ATTRIBUTE.connector, connector);
    keeper.changed(this);
  }

  connected(local: SocketEnd | undefined): void {
    if (local === undefined) return;
    this.values.set(ATTRIBUTE.proxyHost, local.host);
    this.values.set(ATTRIBUTE.proxyPort, String(local.port));
    this.keeper.changed(this);
  }

  answered(): void {
    const { firstInAt, firstOutAt } = this.flow;
    if (firstOutAt === 0 || firstInAt < firstOutAt) return;
    this.values.set(ATTRIBUTE.processLatency, Math.round((firstInAt - firstOutAt) * 1000));
    this.keeper.changed(this);
  }

  ended(error?: string): void {
    if (error !== undefined) this.values.set(ATTRIBUTE.errorConnectorSide, error);
    this.keeper.changed(this);
  }

  get isNews(): boolean {
    return this.values.size > 0;
  }

  /** For the listener's end, when that is here too. */
  takeValues(): ReadonlyMap<number, Value> {
    const values = new Map(this.values);
    this.values.clear();
    return values;
  }

  write(message: RecordMessage): void {
    message.begin(RECORD_TYPE.transportFlow, this.identity);
    for (const code of [...this.values.keys()].sort((one, other) => one - other)) {
      message.value(code, this.values.get(code)!);
    }
    message.end();
    this.values.clear();
  }

  forget(): void {}
}

/**
 * What a message of co-records says, of flows of source `source`; what is malformed or of others is left out.
 * @returns false when the message is none
 */
export function readCoRecords(
  message: Buffer,
  source: string,
  take: (number: number, code: number, value: Value) => void,
): boolean {
  let head: Head | undefined;
  try {
    head = parseHead(message, 'body', true);
  } catch (error) {
    if (error instanceof MessageError) return false;
    throw error;
  }
  if (head?.properties?.subject !== 'RECORD' || head.body?.type !== 'list') return false;
  for (const entry of head.body.value.slice(0, CO_RECORDS_PER_MESSAGE_MAX)) {
    if (entry.type !== 'map') continue;
    let type: unknown;
    let identity: ReturnType<typeof parseIdentity>;
    for (const [key, value] of entry.value) {
      if (key.value === ATTRIBUTE.type) type = value.value;
      else if (key.value === ATTRIBUTE.identity && value.type === 'string') identity = parseIdentity(value.value);
    }
    if (type !== RECORD_TYPE.transportFlow || identity?.source !== source) continue;
    for (const [key, value] of entry.value) {
      if (key.type !== 'uint' || key.value <= ATTRIBUTE.identity) continue;
      const wanted = key.value === ATTRIBUTE.processLatency ? 'ulong' : 'string';
      if (value.type !== wanted) continue;
      if (value.type === 'string') take(identity.number, key.value, value.value.slice(0, TEXT_LENGTH_MAX));
      else if (typeof value.value === 'number') take(identity.number, key.value, value.value);
    }
  }
  return true;
}

/** Whether a message asks for everything. */
export function isFlush(message: Buffer): boolean {
  try {
    return parseHead(message, 'properties', true)?.properties?.subject === 'FLUSH';
  } catch (error) {
    if (error instanceof MessageError) return false;
    throw error;
  }
}
