/** Secret (core v1): TLS material beside the resources that name it. */
import Type from 'typebox';
import { Metadata } from './resource.ts';
import { closed, stringMap } from './schema.ts';

export const Secret = closed({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Secret'),
  metadata: Metadata,
  type: Type.Optional(Type.String()),
  immutable: Type.Optional(Type.Boolean()),
  data: Type.Optional(stringMap('Values in base64.')),
  stringData: Type.Optional(stringMap('Values as they are; they win over data.')),
});
export type Secret = Type.Static<typeof Secret>;
