/** The control messages in captured frames: whole single-frame transfers whose payload starts with router annotations. */
import { readFileSync } from 'node:fs';
import { annotationsDescriptor } from '../../router/amqp/message/router-annotations.ts';

export interface CapturedControl {
  /** Seconds. */
  readonly at: number;
  readonly from: 'connector' | 'listener';
  readonly message: Buffer;
}

export function capturedControls(file: string): CapturedControl[] {
  const lines = readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  const controls: CapturedControl[] = [];
  for (const line of lines) {
    const { t, from, frame } = JSON.parse(line) as { t: number; from: CapturedControl['from']; frame: string };
    const bytes = Buffer.from(frame, 'hex');
    const start = bytes.indexOf(annotationsDescriptor);
    if (start >= 0 && bytes.includes('opcode')) controls.push({ at: t, from, message: bytes.subarray(start) });
  }
  return controls;
}
