/**
 * The chosen properties of a message in words: for `messageLoggingComponents` and the log module MESSAGE. Pure; bodies are never shown.
 */
import { type Typed, toPlain } from '../amqp/codec/value.ts';
import type { Head } from '../amqp/message/head.ts';

/** Names in the configuration, in the order in which they are shown. */
const COMPONENTS = [
  'message-id',
  'user-id',
  'to',
  'subject',
  'reply-to',
  'correlation-id',
  'content-type',
  'content-encoding',
  'absolute-expiry-time',
  'creation-time',
  'group-id',
  'group-sequence',
  'reply-to-group-id',
  'app-properties',
] as const;
type Component = (typeof COMPONENTS)[number];

/** Characters of one value. */
const TEXT_LENGTH_MAX = 256;

/** What `messageLoggingComponents` chooses: `all`, `none`, or a list; names that are none are passed over, as in the original. */
export function messageComponents(text: string): ReadonlySet<Component> {
  const words = new Set(text.toLowerCase().split(/[\s,;:]+/));
  if (words.has('none')) return new Set();
  return new Set(COMPONENTS.filter((each) => words.has('all') || words.has(each)));
}

/** `Message{to='a', subject='b'}` */
export function messageText(head: Head, components: ReadonlySet<Component>): string {
  const parts = COMPONENTS.filter((each) => components.has(each)).flatMap((each) => {
    const value = each === 'app-properties' ? head.applicationProperties : propertyOf(head, each);
    return value === undefined || value === null ? [] : [`${each}=${shown(value)}`];
  });
  return `Message{${parts.join(', ')}}`;
}

function propertyOf({ properties }: Head, component: Component): unknown {
  const name = component.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return (properties as Readonly<Record<string, unknown>> | undefined)?.[name];
}

function shown(value: unknown): string {
  if (value instanceof Map) return `{${[...value].map(([key, each]) => `${String(key)}=${shown(each)}`).join(', ')}}`;
  if (Buffer.isBuffer(value)) return `0x${cut(value.toString('hex'))}`;
  if (typeof value === 'object' && value !== null && 'type' in value) return shown(toPlain(value as Typed));
  if (value instanceof Date) return value.toISOString();
  return `'${cut(String(value))}'`;
}

function cut(text: string): string {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}...` : text;
}
