/**
 * Conditions as Kubernetes itself has them, of kinds that are not Skupper's: any type and reason, one condition a type.
 * Reasons of the multi-cluster services API may be several, joined by commas.
 */
import Type from 'typebox';
import { choice } from './schema.ts';

const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';

export const StandardCondition = Type.Object({
  type: Type.String({
    maxLength: 316,
    pattern: `^(${SUBDOMAIN}/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$`,
    title: 'the name of a condition, with a domain in front unless it is a standard one',
    description: 'What it is about; those that are no standard have a domain in front.',
  }),
  status: choice(['True', 'False', 'Unknown'], 'Whether it holds.'),
  observedGeneration: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The generation of the resource that this is about.' }),
  ),
  lastTransitionTime: Type.String({
    format: 'date-time',
    title: 'a time such as 2026-01-31T12:00:00Z',
    description: 'When status last changed.',
  }),
  reason: Type.String({
    minLength: 1,
    maxLength: 1024,
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    title: 'a word in CamelCase, or several joined by commas',
    description: 'Why, in one word, or in several joined by commas.',
  }),
  message: Type.String({ maxLength: 32_768, description: 'Why, for people.' }),
});
export type StandardCondition = Type.Static<typeof StandardCondition>;
